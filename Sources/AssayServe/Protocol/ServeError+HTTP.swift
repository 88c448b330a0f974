// The one place where errors become HTTP statuses and bodies.

import AssayBase
import AssayData
import AssayGenerate
import AssayReward
import AssayTensor
import AssayText

extension ServeError {
  /// What an error of any layer means to a client.
  ///
  /// - Parameter error: What was thrown.
  init(_ error: any Error) {
    switch error {
    case let error as ServeError: self = error
    case let error as RowRefusal: self = .malformedBody(reason: error.detail)
    case RewardError.tooLong(let index, let tokens, let maximum):
      self = .tooLong(item: "item \(index)", tokens: tokens, maximum: maximum)
    case RewardError.notFinite: self = .failed(reason: "\(error)")
    case let error as RewardError: self = .refused(reason: "\(error)")
    case GenerationError.exceedsContext(let request, let needed, let context):
      self = .tooLong(
        item: "request \(request), with what it may write,",
        tokens: needed,
        maximum: context
      )
    case GenerationError.notFinite: self = .failed(reason: "\(error)")
    case let error as GenerationError: self = .refused(reason: "\(error)")
    case let error as TextError: self = .refused(reason: "\(error)")
    case TensorError.outOfMemory: self = .outOfMemory(reason: "\(error)")
    case is CancellationError: self = .disconnected
    default: self = .failed(reason: "\(error)")
    }
  }

  /// The status.
  var status: Int {
    switch self {
    case .malformedBody, .parameter, .unsupported, .wrongKind, .tooLong, .refused: 400
    case .unauthorized: 401
    case .foreignOrigin, .foreignHost: 403
    case .noEndpoint, .otherModel: 404
    case .wrongMethod: 405
    case .slowBody: 408
    case .bodyTooLarge: 413
    case .queueFull: 429
    // Not a standard one; nginx writes it to its log for the same.
    case .disconnected: 499
    case .stopping, .outOfMemory: 503
    case .timedOut: 504
    case .failed, .cannotListen, .openHost, .malformedKey, .certificate: 500
    }
  }

  private var type: String {
    switch status {
    case 401: "authentication_error"
    case 429: "rate_limit_error"
    case 400..<500: "invalid_request_error"
    default: "server_error"
    }
  }

  private var parameterName: String? {
    switch self {
    case .parameter(let name, _, _), .unsupported(let name, _): name
    case .otherModel: "model"
    default: nil
    }
  }

  private var code: String {
    switch self {
    case .malformedBody: "malformed_body"
    case .parameter: "invalid_value"
    case .unsupported: "unsupported_parameter"
    case .wrongKind: "wrong_model_kind"
    case .tooLong: "context_length_exceeded"
    case .refused: "refused"
    case .unauthorized: "invalid_api_key"
    case .noEndpoint: "unknown_endpoint"
    case .otherModel: "model_not_found"
    case .wrongMethod: "method_not_allowed"
    case .bodyTooLarge: "body_too_large"
    case .slowBody: "slow_body"
    case .queueFull: "queue_full"
    case .disconnected: "client_closed_request"
    case .stopping: "stopping"
    case .outOfMemory: "out_of_memory"
    case .timedOut: "timed_out"
    case .foreignOrigin: "foreign_origin"
    case .foreignHost: "foreign_host"
    case .failed, .cannotListen, .openHost, .malformedKey, .certificate: "internal_error"
    }
  }

  /// The body, as OpenAI has it.
  var body: JSONValue {
    [
      "error": [
        "message": .string(description), "type": .string(type),
        "param": parameterName.map { .string($0) } ?? nil, "code": .string(code),
      ]
    ]
  }
}
