import Foundation

extension Error {
  /// Why the system refused a file operation, in its own words and without a full stop, to stand behind
  /// what was tried: `No such file or directory`.
  ///
  /// Foundation's own sentence only says that something could not be completed; the system's error is in
  /// it, or the code tells.
  package var fileReason: String {
    let error = self as NSError
    // A Swift error there is none of Foundation's own until it is made one.
    let inner = (error.userInfo[NSUnderlyingErrorKey] as? any Error).map { $0 as NSError }
    if let number = [inner, error].compactMap({ $0 }).lazy.compactMap(Self.number).first {
      return String(cString: strerror(number))
    }
    let sentence = error.localizedDescription
    return sentence.hasSuffix(".") ? String(sentence.dropLast()) : sentence
  }

  /// The system's number of an error, where there is one.
  private static func number(of error: NSError) -> Int32? {
    if error.domain == NSPOSIXErrorDomain { return Int32(exactly: error.code) }
    guard error.domain == NSCocoaErrorDomain else { return nil }
    switch CocoaError.Code(rawValue: error.code) {
    case .fileNoSuchFile, .fileReadNoSuchFile: return ENOENT
    case .fileWriteFileExists: return EEXIST
    case .fileReadNoPermission, .fileWriteNoPermission: return EACCES
    case .fileWriteOutOfSpace: return ENOSPC
    case .fileWriteVolumeReadOnly: return EROFS
    default: return nil
    }
  }
}
