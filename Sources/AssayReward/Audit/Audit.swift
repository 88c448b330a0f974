import AssayData
import AssayGenerate
import AssayModel
import AssayTensor
import AssayText

/// Finds out whether a model's scores of rows are the same alone, among others, padded, and as other
/// tools read the rows: by computing them.
package struct Audit {
  private let port: LocalPort
  private let scorer: ModelScorer
  private let model: AuditedModel
  private let fallback: Int32?
  private let padding: Int32
  /// Positions up to which padding leaves a text as it is.
  private let paddedTokens: Int
  private let tolerance: Double

  /// A row on its way: what is read of it, and what it says.
  private struct Row {
    let record: ResponseRecord
    let text: String
    /// `nil` where it does not fit.
    let pass: ModelPass?
    /// Tokens that the length limit took from the front.
    let removedTokens: Int
    let contentTokens: [AuditedRow.ContentToken]
  }

  /// Takes a model.
  ///
  /// - Parameters:
  ///   - model: A model that scores, which computes as it is to.
  ///   - tolerance: Differences that are rounding, of a score of up to one and in proportion above;
  ///     `nil` is 1e-4 in float32 and 2e-2 where weights or products are rounded.
  /// - Throws: `RewardError.noHead`, or `TextError` where the template does not fit.
  package init(_ model: Model, tolerance: Double? = nil) throws {
    port = try LocalPort(model)
    scorer = try ModelScorer(port)
    let execution = model.decoder.execution
    let isExact = execution.dtype == .float32 && execution.weights == .plain
    self.tolerance = tolerance ?? (isExact ? 1e-4 : 2e-2)
    let (configuration, tokenizer) = (model.decoder.configuration, model.tokenizer)
    func name(_ id: Int32?) -> ScoredTokenName? {
      id.map { ScoredTokenName(id: $0, text: Self.spelling($0, tokenizer)) }
    }
    let configured = configuration.padTokenID.map { Int32(clamping: $0) }
    let own = model.template.padding.flatMap { tokenizer.id(of: $0) }
    let turn = tokenizer.id(of: model.template.endOfTurn)
    var ends = configuration.endTokenIDs.map { Int32(clamping: $0) }
    if let turn, !ends.contains(turn) { ends.append(turn) }
    fallback = own ?? ends.first
    padding = configured ?? own ?? 0
    paddedTokens = configuration.contextTokens
    let around = tokenizer.addedAround
    self.model = AuditedModel(
      kind: model.manifest.kind.rawValue,
      template: model.template.name,
      configuredPadding: name(configured),
      tokenizerPadding: name(own),
      ends: ends.compactMap { name($0) },
      isPaddingAnEnd: (configured ?? own).map { ends.contains($0) } ?? false,
      addedInFront: around.front.compactMap { name($0) },
      addedBehind: around.back.compactMap { name($0) },
      defaultSystem: scorer.reading.renderer.systemWritten,
      contextTokens: model.contextTokens
    )
  }

  /// Scores rows in every way.
  ///
  /// - Parameter records: The rows.
  /// - Returns: What was found.
  /// - Throws: `TextError` where the template does not take a row; what scoring throws.
  package nonisolated(nonsending) func report(
    _ records: [ResponseRecord]
  ) async throws -> AuditReport {
    let rows = try records.enumerated().map { try row($1, index: $0) }
    let isFitting = rows.map { $0.pass != nil && $0.removedTokens == 0 }
    let fitting = zip(rows, isFitting).filter(\.1).map(\.0)
    var audited = rows.map(audited)
    let found =
      port.text.manifest.kind.writes
      ? try await written(fitting) : try await read(fitting)
    var next = found.makeIterator()
    for index in rows.indices {
      guard isFitting[index], let (scored, scores, readings) = next.next() else {
        audited[index].problems = [.truncation]
        continue
      }
      audited[index].scored = scored
      audited[index].scores = scores
      audited[index].readings = readings.map(\.reading)
      audited[index].problems = problems(rows[index], scores, readings)
    }
    return AuditReport(model: model, rows: audited)
  }

  private typealias Found = (
    scored: ScoredTokenRecord, scores: AuditedRow.Scores,
    readings: [(other: OtherReading, reading: AuditedRow.Reading)]
  )

  // MARK: What a row is

  private func row(_ record: ResponseRecord, index: Int) throws -> Row {
    let (reading, renderer) = (scorer.reading, scorer.reading.renderer)
    guard case .response(let prompt, let response) = record.content else {
      guard case .text(let text) = record.content else { preconditionFailure("no content") }
      let pass: ModelPass?
      do { pass = try reading.pass(record.input, index: index) } catch let error as RewardError {
        guard case .tooLong = error else { throw error }
        pass = nil
      }
      return Row(record: record, text: text, pass: pass, removedTokens: 0, contentTokens: [])
    }
    let messages = prompt + [.assistant(response)]
    let spelt = messages.enumerated().flatMap { index, message in
      renderer.tokensSpelt(in: message.content).map {
        AuditedRow.ContentToken(message: index, role: message.role, token: name($0))
      }
    }
    return Row(
      record: record,
      text: try renderer.written(messages),
      pass: try reading.pass(record.input, index: index),
      removedTokens: try renderer.render(prompt: prompt, response: response).removedTokenCount,
      contentTokens: spelt
    )
  }

  private func audited(_ row: Row) -> AuditedRow {
    let tokens = row.pass?.tokens ?? []
    let beginning = port.text.renderer.template.beginning.flatMap { port.text.tokenizer.id(of: $0) }
    return AuditedRow(
      id: row.record.id,
      text: row.text,
      tokens: tokens.map(name),
      scored: nil,
      removedTokens: row.removedTokens,
      beginnings: tokens.prefix { $0 == beginning }.count,
      contentTokens: row.contentTokens,
      scores: AuditedRow.Scores(),
      readings: [],
      problems: []
    )
  }

  private func name(_ id: Int32) -> ScoredTokenName {
    ScoredTokenName(id: id, text: Self.spelling(id, port.text.tokenizer))
  }

  private static func spelling(_ id: Int32, _ tokenizer: any Tokenizer) -> String {
    String(decoding: tokenizer.bytes(of: [id], skipSpecialTokens: false), as: UTF8.self)
  }

  // MARK: Scores

  /// Scores of a model that writes critiques: alone, and together.
  private nonisolated(nonsending) func written(_ rows: [Row]) async throws -> [Found] {
    let inputs = rows.map(\.record.input)
    let batch = try await scorer.score(inputs)
    var found: [Found] = []
    for (input, together) in zip(inputs, batch) {
      let alone = try await scorer.score([input])[0].value
      let scores = AuditedRow.Scores(alone: alone, batch: together.value)
      found.append((together.scoredToken, scores, []))
    }
    return found
  }

  /// Scores of a model that reads once, in every way, and as other tools read.
  private nonisolated(nonsending) func read(_ rows: [Row]) async throws -> [Found] {
    let passes = rows.compactMap(\.pass)
    let longest = passes.map(\.tokens.count).max() ?? 0
    /// Tokens of padding: up to the longest row, and some for that one.
    func room(_ pass: ModelPass) -> Int {
      let count = pass.tokens.count
      return max(0, min(paddedTokens, max(longest, count + 8)) - count)
    }
    let batch = try await port.values(passes, .reward)
    // An encoder's tokens see what stands behind them, so padding there would be text.
    let isPadded = scorer.reading.places.position != .first
    let right = try await port.values(
      (isPadded ? passes : []).map { pass in
        let spare = [Int32](repeating: padding, count: room(pass))
        return ModelPass(tokens: pass.tokens + spare, places: pass.places)
      },
      .reward
    )
    let left = try await port.values(
      (isPadded ? passes : []).map {
        ModelPass(tokens: $0.tokens, places: $0.places, start: room($0))
      },
      .reward
    )
    var found: [Found] = []
    for (index, pass) in passes.enumerated() {
      let alone = try await port.values([pass], .reward)[0].value
      let scores = AuditedRow.Scores(
        alone: alone,
        batch: batch[index].value,
        paddedRight: isPadded ? right[index].value : nil,
        paddedLeft: isPadded ? left[index].value : nil
      )
      let scored = token(pass.tokens, pass.index)
      found.append((scored, scores, try await readings(rows[index], pass, alone)))
    }
    return found
  }

  private nonisolated(nonsending) func readings(
    _ row: Row,
    _ own: ModelPass,
    _ score: Double
  ) async throws -> [(other: OtherReading, reading: AuditedRow.Reading)] {
    let others = OtherReading.all(
      of: row.text,
      port.text.tokenizer,
      places: scorer.reading.places,
      padding: model.configuredPadding?.id,
      fallback: fallback
    )
    // Several tools read the same: that is scored once.
    var known = [own: score]
    var result: [(other: OtherReading, reading: AuditedRow.Reading)] = []
    for other in others {
      if let pass = other.pass, known[pass] == nil, pass.tokens.count <= model.contextTokens {
        known[pass] = try await port.values([pass], .reward)[0].value
      }
      let reading = AuditedRow.Reading(
        tool: other.tool,
        tokenCount: other.tokens.count,
        scored: token(other.tokens, other.index),
        score: other.pass.flatMap { known[$0] }
      )
      result.append((other, reading))
    }
    return result
  }

  private func token(_ tokens: [Int32], _ index: Int) -> ScoredTokenRecord {
    let name = name(tokens[index])
    return ScoredTokenRecord(id: name.id, text: name.text, index: index)
  }

  // MARK: Problems

  private func problems(
    _ row: Row,
    _ scores: AuditedRow.Scores,
    _ readings: [(other: OtherReading, reading: AuditedRow.Reading)]
  ) -> [AuditReport.Problem] {
    guard let alone = scores.alone, let pass = row.pass else { return [] }
    func differs(_ other: Double?) -> Bool {
      other.map { abs($0 - alone) > tolerance * max(1, abs(alone)) } ?? false
    }
    var problems: Set<AuditReport.Problem> = []
    if differs(scores.batch) { problems.insert(.batch) }
    if differs(scores.paddedLeft) || differs(scores.paddedRight) { problems.insert(.padding) }
    var plain = port.text.tokenizer.encode(row.text)
    // With what the head has put behind it.
    if let found = try? scorer.reading.places.find(in: plain) { plain = found.tokens }
    for (other, reading) in readings where reading.score == nil || differs(reading.score) {
      problems.insert(
        other.problem(pass, hasContentTokens: !row.contentTokens.isEmpty, plain: plain)
      )
    }
    return AuditReport.Problem.allCases.filter(problems.contains)
  }
}
