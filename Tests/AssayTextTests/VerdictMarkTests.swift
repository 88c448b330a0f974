import AssayText
import Foundation
import Testing

@Suite struct VerdictMarkTests {
  @Test("the last mark in brackets is the verdict, however it is spelt")
  func brackets() {
    for (text, verdict) in [
      ("because. [[A]]", Verdict.a), ("[[B]]", .b), ("[[B]] and again [[B]]", .b),
      ("At first [[A]] seems right, but it is wrong.\nFinal verdict: [[B]]", .b),
      ("[[A]] if A is better, [[B]] if B is. I say [[A]]", .a), ("[[C]]? No: [[B]]", .b),
      ("[[ B ]]", .b), ("[[b]]", .b), ("[[**B**]]", .b), ("[[\"B\"]]", .b), ("[[Assistant B]]", .b),
      ("[[B is better]]", .b), ("[[B>A]]", .b), ("[[A<<B]]", .b), ("My verdict is [[A>>B]].", .a),
      ("[[A]] at first, as [[1]] says, then [[Response B]] [[2]]", .b), ("[[[A]]]", .a),
      ("[ [ B ] ]", .b), ("\\[\\[A\\]\\]", .a), ("[[A]], for B says \\boxed{B}.\nAnswer: B", .a),
      ("\u{FF3B}\u{FF3B}\u{FF21}\u{FF3D}\u{FF3D}", .a), ("[[\u{FF42}]]", .b),
      ("[[assistant_b]]", .b),
      ("\u{3010}\u{3010}B\u{3011}\u{3011}", .b), ("[[\u{412}]]", .b),
      ("[[A is better than B]]", .a),
    ] { #expect(RolePrompts.verdict(in: text) == verdict, "\(text)") }
    for text in [
      "", "[[C]]", "[[A]], or rather [[C]]", "[[1]]", "[[AB]]", "[[A]] or [[A=B]]", "[[A or B]]",
      "[[Tie]]", "[[A, not B]]", "[[a better one]]",
    ] {
      #expect(RolePrompts.verdict(in: text) == nil, "\(text)")
    }
  }

  @Test("behind reasons other marks are read too, the last one")
  func delimited() {
    let reasons = "Response A adds 2 and 3. Response B says 6, as \\boxed{6}.\n\n"
    for end in [
      "\\boxed{A}", "$\\boxed{\\text{A}}$.", "\\[ \\boxed{\\textbf{Answer A}} \\]",
      "\\fbox{B} \\boxed{a}",
      "<answer>A</answer>", "<answer> **A** </answer> ", "<verdict>Response A</verdict>",
      "<answer>A", "<final_answer>\nA\n</final_answer>", "<answer>B</answer> <answer>A</answer>",
      "{\"reason\": \"B is wrong\", \"verdict\": \"A\"}", "{\"winner\": \"Assistant A\"}",
      "```json\n{\n  \"better_response\" : \"model_a\",\n  \"confidence\": 8\n}\n```",
      "{'choice': 'a'}", "{\"verdict\": \"B\"} {\"verdict\": \"A\", \"why\": \"B is wrong.\"}",
      "\\boxed{B}? No: \\boxed{A > B}",
    ] { #expect(RolePrompts.verdict(in: reasons + end) == .a, "\(end)") }
    for end in [
      "\\boxed{A or B}", "\\boxed{C}", "<answer>Paris</answer>", "<b>A</b> that",
      "{\"answer\": \"tie\"}",
      "{\"answer_b\": \"A\"}", "{\"verdict\": \"A\"} {\"verdict\": \"tie\"}", "\\boxed{A",
      "{\"a\": \"A\"}",
    ] { #expect(RolePrompts.verdict(in: reasons + end) == nil, "\(end)") }
  }

  @Test("a sentence that says nothing else is a verdict")
  func sentences() {
    let reasons = "Response A adds well. A response that says 6, as B does, is wrong.\n"
    let ends = [
      "A", "[A]", "(A)", "**A**", "\u{FF21}", "a", "Answer A", "Answer: **A**", "Winner: A",
      "**Winner:** A", "Final verdict: [A].", "The better answer is A.", "I choose A",
      "Verdict - A",
      "### Verdict: A", "Therefore, Response A is better.", "So I prefer A over B.", "A > B",
      "Overall, Assistant A is clearly better than Assistant B.", "The winner is: a",
      "Winner: A, because B is wrong.", "Verdict: A (B says 6)", "My choice is A since it adds.",
      "Verdict: A\nI hope that this helps!", "Verdict: B\nNo.\nVerdict: A",
      "- Decision: A\n- Score: 8",
      "I would go with **A**.",
    ]
    for end in ends { #expect(RolePrompts.verdict(in: reasons + end) == .a, "\(end)") }
    for text in [
      "A\n\nBecause B is wrong.", "Answer: A\nNo.\nAnswer: A", "A. B is wrong",
      "Both have merits.\n\n**Answer: A**",
      "Answer: A. That was all.",
    ] { #expect(RolePrompts.verdict(in: text) == .a, "\(text)") }
  }

  @Test("prose, headings, lists and scores are no verdict")
  func prose() {
    for text in [
      "A because", "a better one", "A or B", "A, not B", "Apples", "AB", "A A", "C", "A\nB",
      "A response that adds is better.", "A better answer.", "A is helpful. B is helpful, too.",
      "It is not A.", "The better one is not A.", "**Response A:**\nright\n**Response B:**\nwrong",
      "A: 8\nB: 9", "1. A\n2. B", "Winner: A\nOn second thought, it is a tie.", "Verdict: tie",
      "I cannot decide between A and B.", "A says that the answer is B, which I doubt",
      "Worse: B", "The correct option is B", "In clarity, A is better", "Plan B",
    ] { #expect(RolePrompts.verdict(in: text) == nil, "\(text)") }
  }

  @Test("a verdict's place is that of its mark")
  func places() {
    for (text, before) in [
      ("Reasons. [[A]]", "Reasons. "), ("\u{FF21} adds. \\boxed{B}", "\u{FF21} adds. "),
      ("B is wrong.\nWinner: A", "B is wrong.\n"), ("\\[\\[A\\]\\]", ""),
    ] {
      #expect(VerdictMark.stated(in: text).map { String(text[..<$0.start]) } == before, "\(text)")
    }
  }
}
