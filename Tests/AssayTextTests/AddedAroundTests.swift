import AssayBase
import AssayText
import Testing

@Suite struct AddedAroundTests {
  private struct Given: Tokenizer {
    let document: JSONValue
    var vocabularySize: Int { 0 }
    func encode(_ text: String) -> [Int32] { [] }
    func encodePlain(_ text: String) -> [Int32] { [] }
    func decode(_ ids: [Int32], skipSpecialTokens: Bool) -> String { "" }
    func id(of token: String) -> Int32? { nil }
  }

  @Test("reads what every kind of post-processor adds to a single text")
  func kinds() {
    func around(_ step: JSONValue) -> AddedAround {
      Given(document: ["post_processor": step]).addedAround
    }
    let template: JSONValue = [
      "type": "TemplateProcessing",
      "single": [
        ["SpecialToken": ["id": "<s>"]], ["Sequence": ["id": "A"]],
        ["SpecialToken": ["id": "</s>"]],
      ],
      "special_tokens": ["<s>": ["ids": [1]], "</s>": ["ids": [2]]],
    ]
    #expect(around(template).front == [1])
    #expect(around(template).back == [2])
    let bert: JSONValue = [
      "type": "BertProcessing", "sep": ["[SEP]", 102], "cls": ["[CLS]", 101],
    ]
    #expect(around(bert).front == [101])
    #expect(around(bert).back == [102])
    let sequence: JSONValue = [
      "type": "Sequence", "processors": [["type": "ByteLevel"], template, bert],
    ]
    #expect(around(sequence).front == [101, 1])
    #expect(around(sequence).back == [2, 102])
    #expect(around(.null).front.isEmpty)
    #expect(around(["type": "ByteLevel"]).back.isEmpty)
  }
}
