// What `refine` reads.

import AssayData
import AssayReward
import AssayText

extension RefineCommand {
  /// How models are asked that were not trained for it.
  var wording: RolePrompts { prompts?.prompts ?? .english }

  /// Reads what can be answered, criticized and revised.
  func read(by policy: ModelSource) throws -> [PromptRecord] {
    let criticized = try critic.limit(wording, inference, common)
    let revised = policy.text.map {
      TextLength.revised($0, wording: wording, maximumTokens: maxTokens)
    }
    let limit = revised?.and(criticized) ?? criticized
    let (prompts, report) = try PromptReader(.conversations, policy: rows.policy, limit: limit)
      .read(data)
    try rows.tell(report, of: data)
    return prompts
  }
}
