import AssayBase
import AssayModel
import AssayText
import Foundation

/// What tells about the server itself: `GET /health`, `/metrics` and `/v1/models`.
enum StatusEndpoints {
  static func endpoints(_ gate: RequestGate, _ metrics: ServeMetrics, _ queue: ModelQueue)
    -> [Endpoint]
  {
    [
      .get("/health", isOpen: true) { _ in
        guard !gate.isStopping else { throw ServeError.stopping }
        return .json(["status": "ok"])
      },
      .get("/metrics") { exchange in
        let text = metrics.text(
          model: exchange.settings.modelName,
          kind: exchange.model.kind.rawValue,
          requests: gate.count,
          queued: queue.count
        )
        return Reply(content: .text(text, type: "text/plain; version=0.0.4"))
      },
      .get("/v1/models") { exchange in
        .json(["object": "list", "data": [model(exchange)]])
      },
      .get("/v1/models/") { exchange in
        let name = exchange.path.dropFirst("/v1/models/".count)
        let (asked, served) = (name.removingPercentEncoding, exchange.settings.modelName)
        guard asked == served else {
          throw ServeError.otherModel(actual: asked ?? String(name), served: served)
        }
        return .json(model(exchange))
      },
    ]
  }

  private static func model(_ exchange: Exchange) -> JSONValue {
    [
      "id": .string(exchange.settings.modelName), "object": "model",
      "created": .number("\(exchange.created)"), "owned_by": "assay",
      "max_model_len": .number("\(exchange.model.text.contextTokens)"),
      "kind": .string(exchange.model.kind.rawValue),
    ]
  }
}
