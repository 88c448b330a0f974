import AssayData
import Foundation
import Testing

@Suite struct UnreadKeyTests {
  private func reason(_ row: String, _ read: (String) throws -> Void) throws -> String? {
    let folder = try TemporaryFolder()
    do {
      try read(try folder.write([row]))
      return nil
    } catch let error as DataError {
      return error.description
    }
  }

  private func pair(_ row: String) throws -> String? {
    try reason(row) { _ = try PairReader().read($0) }
  }

  private func response(_ row: String) throws -> String? {
    try reason(row) { _ = try ResponseReader().read($0) }
  }

  private func prompt(_ row: String) throws -> String? {
    try reason(row) { _ = try PromptReader(.conversationsOrTexts).read($0) }
  }

  @Test("what is asked beside the prompt is not dropped in silence")
  func besidePrompt() throws {
    let answers = #""chosen":"5.","rejected":"6.""#
    for key in ["question", "query", "instruction", "input", "context", "problem", "Question"] {
      let row = #"{"prompt":"Be brief.","\#(key)":"What is 2 + 3?",\#(answers)}"#
      #expect(try pair(row)?.contains("'\(key)' stands beside 'prompt'") == true, "\(row)")
      let single = #"{"prompt":"Be brief.","\#(key)":"What is 2 + 3?","response":"5."}"#
      #expect(try response(single)?.contains("'\(key)' stands beside") == true, "\(single)")
      let asked = #"{"prompt":"Be brief.","\#(key)":"What is 2 + 3?"}"#
      #expect(try prompt(asked)?.contains("'\(key)'") == true, "\(asked)")
    }
    for rest in [
      #""question":"What is 2 + 3?""#, #""question":"""#, #""context":null"#, #""task":"sums""#,
      #""source":"web","question_id":7,"prompt_id":"x","score_chosen":1.5,"notes":"n","responses":1"#,
      #""messages":[{"role":"user","content":"What is 2 + 3?"}],"model":"m","chosen_model":"n""#,
    ] {
      #expect(try pair(#"{"prompt":"Say: What is 2 + 3?",\#(rest),\#(answers)}"#) == nil, "\(rest)")
    }
    for (key, role, content) in [
      ("messages", "role", "content"), ("conversations", "from", "value"),
      ("conversation", "role", "content"),
    ] {
      let turns = #""\#(key)":[{"\#(role)":"user","\#(content)":"What is 2 + 3?"}]"#
      let told = "'\(key)' beside it says something else"
      #expect(try pair(#"{"prompt":"p",\#(turns),\#(answers)}"#)?.contains(told) == true)
      if key != "messages" {  // which is what is read of a response
        #expect(try response(#"{"prompt":"p",\#(turns),"response":"5."}"#)?.contains(told) == true)
      }
      #expect(try prompt(#"{"prompt":"p",\#(turns)}"#)?.contains(told) == true)
      #expect(try pair(#"{"prompt":"Say: What is 2 + 3?",\#(turns),\#(answers)}"#) == nil)
    }
    let system =
      #""prompt":[{"role":"system","content":"Be brief."},{"role":"user","content":"2?"}]"#
    #expect(try pair(#"{\#(system),"system":"Be brief. ",\#(answers)}"#) == nil)
    #expect(try pair(#"{\#(system),"system":"Be long.",\#(answers)}"#)?.contains("system") == true)
    #expect(
      try pair(#"{"prompt":"p","system_message":"x",\#(answers)}"#)?.contains("system") == true
    )
  }

  @Test("a misspelt key is named, with the one that was meant")
  func slips() throws {
    for (key, meant) in [
      ("respones", "response"), ("resposne", "response"), ("Response", "response"),
      ("respnse", "response"),
    ] {
      let found = try response(#"{"prompt":"p","\#(key)":"r"}"#)
      #expect(found?.contains("'\(key)' is not read; did you mean '\(meant)'?") == true, "\(key)")
    }
    for (key, value, meant) in [
      ("margn", "1.5", "margin"), ("Margin", "1.5", "margin"), ("probabilty", "0.9", "probability"),
      ("chosen_critque", "\"x\"", "chosen_critique"),
      ("chosenCritique", "\"x\"", "chosen_critique"),
      ("rejected-feedback", "\"x\"", "rejected_feedback"), ("promt", "\"x\"", "prompt"),
      ("prmopt", "\"x\"", "prompt"),
    ] {
      let found = try pair(#"{"prompt":"p","chosen":"a","rejected":"b","\#(key)":\#(value)}"#)
      #expect(found?.contains("did you mean '\(meant)'?") == true, "\(key)")
      let report = try reason(#"{"chosen":"a","rejected":"b","\#(key)":\#(value)}"#) {
        let (pairs, report) = try PairReader(policy: .skipping).read($0)
        #expect(pairs.isEmpty && report.skippedCount == 1)
      }
      #expect(report == nil)
    }
    let rated = #"{"prompt":"p","response":"r","ratnig":3}"#
    #expect(try reason(rated) { _ = try RatingReader().read($0) }?.contains("'rating'") == true)
    let gold = #"{"prompt":"p","chosen":"a","rejected":"b","vots":[1]}"#
    #expect(try reason(gold) { _ = try GoldReader().read($0) }?.contains("'votes'") == true)
  }

  @Test("a conversation and another response beside it are not read as the first alone")
  func twoConversations() throws {
    let turns = #"[{"role":"user","content":"p"},{"role":"assistant","content":"r"}]"#
    #expect(try response(#"{"messages":\#(turns),"prompt":"p","response":"r"}"#) == nil)
    #expect(
      try response(#"{"messages":\#(turns),"response":"other"}"#)?.contains("'response'") == true
    )
    #expect(try response(#"{"text":"<s>p r","prompt":"p","response":"r"}"#) == nil)
    #expect(
      try response(#"{"text":"<s>p r","prompt":"p","response":"x"}"#)?.contains("'text'") == true
    )
    #expect(try prompt(#"{"text":"<s>p","prompt":"other"}"#)?.contains("'prompt' beside") == true)
  }

  @Test("several rated responses keep what is asked beside their prompt")
  func ranked() throws {
    let answers = #""responses":["a","b"],"ratings":[1,2]"#
    #expect(try pair(#"{"prompt":"p",\#(answers)}"#) == nil)
    #expect(try pair(#"{"prompt":"p","context":"c",\#(answers)}"#)?.contains("'context'") == true)
  }
}
