import AssayBase
import AssayModel
import AssayReward
import AssayText
import Foundation

/// What tells about the server itself: `GET /health`, `/metrics`, `/version` and `/v1/models`.
enum StatusEndpoints {
  static func endpoints(
    _ models: ServedModels,
    _ gate: RequestGate,
    _ metrics: ServeMetrics
  ) -> [Endpoint] {
    [
      .get("/health", "/ping", summary: "Whether the server takes requests.", isOpen: true) { _ in
        guard !gate.isStopping else { throw ServeError.stopping }
        return .json(["status": "ok"])
      },
      .get("/version", summary: "The server's version.") { exchange in
        .json(["version": .string(exchange.settings.version)])
      },
      .get("/metrics", summary: "Counts, in Prometheus' text format.") { _ in
        let text = metrics.text(
          models: models.all.map { ($0.name, $0.kind.rawValue) },
          requests: gate.count,
          queued: models.all.map(\.queue.count).reduce(0, +)
        )
        return Reply(content: .text(text, type: "text/plain; version=0.0.4"))
      },
      .get("/v1/models", summary: "The models that are served.") { exchange in
        .json(["object": "list", "data": .array(models.all.map { json($0, exchange) })])
      },
      .get("/v1/models/", summary: "One of the models, by a name, with its judge card.") {
        exchange in
        let name = exchange.path.dropFirst("/v1/models/".count)
        let model = try models.named(name.removingPercentEncoding ?? String(name))
        let card = model.card.map { [JSONMember("card", $0.json)] } ?? []
        return .json(.object((json(model, exchange).members ?? []) + card))
      },
    ]
  }

  private static func json(_ model: ServedModel, _ exchange: Exchange) -> JSONValue {
    [
      "id": .string(model.name), "object": "model",
      "created": .number("\(exchange.created)"), "owned_by": "assay",
      "max_model_len": .number("\(model.text.contextTokens)"),
      "kind": .string(model.kind.rawValue),
      "aliases": .array(model.aliases.map { .string($0) }),
    ]
  }
}
