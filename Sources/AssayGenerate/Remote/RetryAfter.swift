import Foundation

/// What an endpoint asks for in `Retry-After`.
package enum RetryAfter {
  private static let months = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
  ]

  /// Reads seconds or an HTTP date.
  ///
  /// - Parameters:
  ///   - text: The header's value.
  ///   - now: What dates are compared with.
  /// - Returns: Seconds of at least 0; `nil` where it is neither.
  package static func seconds(_ text: String, now: Date = Date()) -> Double? {
    let word = text.trimmingCharacters(in: .whitespaces)
    if let seconds = Double(word) { return seconds.isFinite ? max(0, seconds) : nil }
    return date(word, now: now).map { max(0, $0.timeIntervalSince(now)) }
  }

  /// Reads a date in any of the three forms that a recipient must accept.
  ///
  /// They are `Sun, 06 Nov 1994 08:49:37 GMT`, `Sunday, 06-Nov-94 08:49:37 GMT` and
  /// `Sun Nov  6 08:49:37 1994`. A year of two digits is the latest one
  /// that is at most 50 years ahead.
  ///
  /// Source: RFC 9110, section 5.6.7.
  private static func date(_ text: String, now: Date) -> Date? {
    var words = text.split { $0 == " " || $0 == "," || $0 == "-" }.map(String.init)
    guard words.count >= 5, Double(words[0]) == nil else { return nil }
    words.removeFirst()
    // A month before its day is asctime's, which has the year behind the time.
    if months.contains(words[0]) { words = [words[1], words[0], words[3], words[2]] }
    let time = words[3].split(separator: ":").compactMap { Int($0) }
    guard let day = Int(words[0]), let month = months.firstIndex(of: words[1]),
      var year = Int(words[2]), time.count == 3, (1...31).contains(day),
      (0...23).contains(time[0]), (0...59).contains(time[1]), (0...60).contains(time[2])
    else { return nil }
    var calendar = Calendar(identifier: .gregorian)
    calendar.timeZone = .gmt
    if words[2].count == 2 {
      let current = calendar.component(.year, from: now)
      year += current / 100 * 100 + 100
      while year > current + 50 { year -= 100 }
    }
    return calendar.date(
      from: DateComponents(
        year: year,
        month: month + 1,
        day: day,
        hour: time[0],
        minute: time[1],
        second: time[2]
      )
    )
  }
}
