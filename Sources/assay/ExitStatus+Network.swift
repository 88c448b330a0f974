import AssayGenerate
import AssayHub
import AssayServe

/// Exit codes of what concerns other machines.
extension ExitStatus {
  static func code(_ error: EndpointError) -> Int32 {
    switch error {
    case .address, .malformedKey, .structure: wrongUse
    case .unavailable: unavailable
    case .refused(_, _, _, let isRequestAtFault): isRequestAtFault ? badData : unavailable
    case .garbage, .malformedRecord: badData
    case .recordsInUse: cannotCreate
    }
  }

  static func code(_ error: HubError) -> Int32 {
    switch error {
    case .name, .address, .malformedToken, .choice: wrongUse
    case .missing, .offline: notFound
    case .forbidden, .unavailable: unavailable
    case .garbage, .unsafePath, .damaged: badData
    case .noRoom: cannotCreate
    }
  }

  static func code(_ error: ServeError) -> Int32 {
    switch error {
    case .openHost, .malformedKey: wrongUse
    case .cannotListen: unavailable
    case .certificate: notFound
    // What requests meet does not end the command.
    default: internalError
    }
  }
}
