import AssayReward
import AssayText
import Foundation
import Testing

@Suite struct ScoreEncodingTests {
  private let cloud = Score(
    value: 1.5,
    critiques: [
      ScoredCritique(text: "Right.", score: 2, finishReason: .stop),
      ScoredCritique(text: "Hm", score: 1, finishReason: .length),
    ],
    scoredToken: ScoredTokenRecord(id: 5, text: "<|eot|>", index: 118),
    tokens: .init(prompt: 96, completion: 23)
  )

  private func object(_ score: Score) throws -> [String: Any] {
    let data = try JSONEncoder().encode(score)
    return try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
  }

  @Test("a score has the documented keys")
  func keys() throws {
    let object = try object(cloud)
    #expect(Set(object.keys) == ["score", "kind", "critiques", "scored_token", "tokens"])
    #expect(object["score"] as? Double == 1.5)
    #expect(object["kind"] as? String == "logit")
    let critiques = try #require(object["critiques"] as? [[String: Any]])
    #expect(
      critiques.map { Set($0.keys) } == [
        ["text", "score", "finish_reason"], ["text", "score", "finish_reason"],
      ]
    )
    #expect(critiques[1]["finish_reason"] as? String == "length")
    let token = try #require(object["scored_token"] as? [String: Any])
    #expect(Set(token.keys) == ["id", "text", "index"])
    #expect(token["index"] as? Int == 118)
    let tokens = try #require(object["tokens"] as? [String: Int])
    #expect(tokens == ["prompt": 96, "completion": 23])
  }

  @Test("a classic model's score has no critiques")
  func classic() throws {
    var score = cloud
    score.critiques = nil
    #expect(Set(try object(score).keys) == ["score", "kind", "scored_token", "tokens"])
  }

  @Test("a score is read back equal")
  func roundTrip() throws {
    #expect(try JSONDecoder().decode(Score.self, from: JSONEncoder().encode(cloud)) == cloud)
  }
}
