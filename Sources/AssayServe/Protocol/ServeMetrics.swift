import Synchronization

/// Counts for `GET /metrics`, in Prometheus' text format.
final class ServeMetrics: Sendable {
  private struct Key: Hashable, Comparable {
    var endpoint: String
    var status: Int

    static func < (left: Key, right: Key) -> Bool {
      (left.endpoint, left.status) < (right.endpoint, right.status)
    }
  }

  private struct Histogram {
    var counts = [Int](repeating: 0, count: ServeMetrics.bounds.count)
    var count = 0
    var sum = 0.0
  }

  private struct State {
    var requests: [Key: Int] = [:]
    var seconds: [String: Histogram] = [:]
    var read = 0
    var written = 0
    /// Of each model.
    var busy: [String: Busy] = [:]
  }

  /// How busy a model is.
  struct Busy {
    /// Texts that wait.
    var waiting = 0
    /// Texts that are written.
    var running = 0
    /// Pages of its cache in use.
    var pages = 0
  }

  /// Upper bounds of the histogram's buckets, in seconds.
  private static let bounds = [0.005, 0.02, 0.1, 0.5, 2, 10, 60, 300]

  private let state = Mutex(State())

  /// Counts an answered request.
  func add(endpoint: String, status: Int, seconds: Double) {
    state.withLock { state in
      state.requests[Key(endpoint: endpoint, status: status), default: 0] += 1
      var histogram = state.seconds[endpoint] ?? Histogram()
      for (index, bound) in Self.bounds.enumerated() where seconds <= bound {
        histogram.counts[index] += 1
      }
      histogram.count += 1
      histogram.sum += seconds
      state.seconds[endpoint] = histogram
    }
  }

  /// Counts tokens that were given to the model.
  func add(read tokens: Int) { state.withLock { $0.read += tokens } }

  /// Counts tokens that the model wrote.
  func add(written tokens: Int) { state.withLock { $0.written += tokens } }

  /// Says how busy a model is.
  func set(_ busy: Busy, of model: String) { state.withLock { $0.busy[model] = busy } }

  /// The counts as text.
  ///
  /// - Parameters:
  ///   - models: The models' names, and what they are for.
  ///   - requests: Requests that are unfinished.
  ///   - queued: Texts that the model has not looked at yet.
  /// - Returns: Lines.
  func text(models: [(name: String, kind: String)], requests: Int, queued: Int) -> String {
    let now = state.withLock { $0 }
    func sum(_ value: (Busy) -> Int) -> Int { now.busy.values.map(value).reduce(0, +) }
    var lines: [String] = []
    func metric(_ name: String, _ type: String, _ help: String, _ values: [(String, String)]) {
      lines.append("# HELP assay_\(name) \(help)")
      lines.append("# TYPE assay_\(name) \(type)")
      for (labels, value) in values { lines.append("assay_\(name)\(labels) \(value)") }
    }
    metric(
      "model_info",
      "gauge",
      "The models that are served.",
      models.map { ("{model=\"\(escaped($0.name))\",kind=\"\($0.kind)\"}", "1") }
    )
    metric(
      "requests_total",
      "counter",
      "Requests answered, by endpoint and status; 499 is a client that went away.",
      now.requests.sorted { $0.key < $1.key }.map {
        ("{endpoint=\"\($0.key.endpoint)\",status=\"\($0.key.status)\"}", "\($0.value)")
      }
    )
    metric("requests_in_progress", "gauge", "Requests unfinished.", [("", "\(requests)")])
    metric("tokens_read_total", "counter", "Tokens given to the model.", [("", "\(now.read)")])
    metric("tokens_written_total", "counter", "Tokens the model wrote.", [("", "\(now.written)")])
    metric(
      "queue_length",
      "gauge",
      "Texts that wait for the model.",
      [("", "\(sum(\.waiting) + queued)")]
    )
    metric("running_sequences", "gauge", "Texts being written.", [("", "\(sum(\.running))")])
    metric(
      "cache_pages_used",
      "gauge",
      "Pages of keys and values in use.",
      [("", "\(sum(\.pages))")]
    )
    return (lines + seconds(now.seconds)).joined(separator: "\n") + "\n"
  }

  /// How long answers took.
  private func seconds(_ histograms: [String: Histogram]) -> [String] {
    var lines = [
      "# HELP assay_request_seconds From a request's head to the end of its answer.",
      "# TYPE assay_request_seconds histogram",
    ]
    for (endpoint, histogram) in histograms.sorted(by: { $0.key < $1.key }) {
      let label = "endpoint=\"\(endpoint)\""
      for (bound, count) in zip(Self.bounds, histogram.counts) {
        lines.append("assay_request_seconds_bucket{\(label),le=\"\(bound)\"} \(count)")
      }
      lines.append("assay_request_seconds_bucket{\(label),le=\"+Inf\"} \(histogram.count)")
      lines.append("assay_request_seconds_sum{\(label)} \(histogram.sum)")
      lines.append("assay_request_seconds_count{\(label)} \(histogram.count)")
    }
    return lines
  }

  private func escaped(_ label: String) -> String {
    label.map { character in
      switch character {
      case "\\": "\\\\"
      case "\"": "\\\""
      case "\n": "\\n"
      default: String(character)
      }
    }.joined()
  }
}
