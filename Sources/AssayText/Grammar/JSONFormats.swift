/// The formats of strings that schemas may ask for, as patterns; each admits a part of what the format
/// does, so that every validator takes what is written.
///
/// Source: JSON Schema 2020-12, validation, section 7.3, and the documents that it names.
enum JSONFormats {
  private static let date =
    "[12][0-9]{3}-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)"
    + "|02-(0[1-9]|1[0-9]|2[0-8]))"
  private static let time =
    "([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\\.[0-9]{1,6})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])"
  private static let label = "[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?"
  private static let hostname = "\(label)(\\.\(label)){0,4}"
  private static let octet = "(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"

  /// The pattern of each format.
  static let patterns: [String: String] = [
    "date": date,
    "time": time,
    "date-time": "\(date)T\(time)",
    "duration": "P([0-9]{1,4}W|[0-9]{1,4}Y([0-9]{1,2}M([0-9]{1,2}D)?)?|[0-9]{1,4}M([0-9]{1,2}D)?"
      + "|[0-9]{1,4}D(T[0-9]{1,4}[HMS])?|T[0-9]{1,4}H([0-9]{1,2}M([0-9]{1,2}S)?)?"
      + "|T[0-9]{1,4}M([0-9]{1,2}S)?|T[0-9]{1,4}S)",
    "email": "[A-Za-z0-9_]{1,16}([.+-][A-Za-z0-9_]{1,16}){0,2}@\(label)(\\.\(label)){1,3}",
    "hostname": hostname,
    "ipv4": "(\(octet)\\.){3}\(octet)",
    "ipv6": "([0-9a-f]{1,4}:){7}[0-9a-f]{1,4}",
    "uuid": "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
    "uri": "https?://\(hostname)(/[A-Za-z0-9._~-]{0,40}){0,8}",
  ]
}
