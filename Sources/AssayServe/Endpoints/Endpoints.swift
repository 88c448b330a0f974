/// All that the server does.
enum Endpoints {
  static func all(
    _ models: ServedModels,
    _ gate: RequestGate,
    _ metrics: ServeMetrics
  ) -> [Endpoint] {
    let work =
      [RewardsEndpoint.endpoint, GroupEndpoints.groups, JudgementsEndpoint.endpoint]
      + [ChatEndpoint.endpoint, CompletionsEndpoint.endpoint]
      + ClassifyEndpoints.endpoints + ScoreEndpoints.endpoints + TokenEndpoints.endpoints
      + TrainerEndpoints.endpoints + [GroupEndpoints.compare]
      + StatusEndpoints.endpoints(models, gate, metrics)
    return work + [OpenAPI.endpoint(work)]
  }
}
