import AssayData
import Testing

@Suite struct GSM8KBreakTests {
  static let body = """
    He buys 30/2 = <<30/2=15>>15 ducks.
    There are 30+15 = <<30+15=45>>45 birds.
    The 45 birds eat 45 * 4 = <<45*4=180>>180 cups.
    So they eat 180 cups.
    """
  // Of the question "A farmer has 30 hens and buys half as many ducks; each bird eats 4 cups."
  static let known: Set<ExactNumber> = [ExactNumber(30), ExactNumber(2), ExactNumber(4)]

  private func solution(_ body: String = body, _ answer: String = "180") throws -> GSM8KSolution {
    try GSM8KSolution(body: body, answer: try #require(GSM8KNumberSpelling(answer)))
  }

  private func broken(_ change: GSM8KChange, propagates: Bool = true) throws -> GSM8KResponse {
    try #require(
      GSM8KResponse(of: solution(), change, known: Self.known, propagates: propagates)
    )
  }

  @Test("leaves the right solution as it is but for marks and the answer's line")
  func right() throws {
    let response = GSM8KResponse(of: try solution())
    #expect(
      response.text == """
        He buys 30/2 = 15 ducks.
        There are 30+15 = 45 birds.
        The 45 birds eat 45 * 4 = 180 cups.
        So they eat 180 cups.
        The answer is 180.
        """
    )
    #expect(
      response.critique == "Step 1: 30 / 2 = 15, as it should be. "
        + "Step 2: 30 + 15 = 45, as it should be. Step 3: 45 * 4 = 180, as it should be. "
        + "The answer is 180. The solution is right."
    )
  }

  @Test("a wrong number changes all that follows from it")
  func number() throws {
    // 30 / 3 = 10, 30 + 10 = 40, 40 * 4 = 160.
    let response = try broken(.number(step: 0, operand: 1, value: ExactNumber(3)))
    #expect(
      response.text == """
        He buys 30/3 = 10 ducks.
        There are 30+10 = 40 birds.
        The 40 birds eat 40 * 4 = 160 cups.
        So they eat 160 cups.
        The answer is 160.
        """
    )
    #expect(
      response.critique == "Step 1: 30 / 3 = 10, but it should be 30 / 2 = 15. "
        + "Step 2: 30 + 10 = 40, but it should be 30 + 15 = 45. "
        + "Step 3: 40 * 4 = 160, but it should be 45 * 4 = 180. "
        + "The answer is 160, but it should be 180. The solution is wrong."
    )
  }

  @Test("a wrong number is also wrong where the sentence says it in words around the sum")
  func mention() throws {
    let solution = try solution("For 50 minutes she got 2 x 50 = $<<2*50=100>>100.", "100")
    let response = GSM8KResponse(
      of: solution,
      .number(step: 0, operand: 1, value: ExactNumber(60)),
      known: [],
      propagates: true
    )
    #expect(response?.text == "For 60 minutes she got 2 x 60 = $120.\nThe answer is 120.")
  }

  @Test("a wrong operation changes all that follows from it")
  func operation() throws {
    // 30 - 15 = 15, 15 * 4 = 60.
    let response = try broken(.operation(step: 1, operand: 0, sign: "-"))
    #expect(
      response.text == """
        He buys 30/2 = 15 ducks.
        There are 30-15 = 15 birds.
        The 15 birds eat 15 * 4 = 60 cups.
        So they eat 60 cups.
        The answer is 60.
        """
    )
    #expect(
      response.critique == "Step 1: 30 / 2 = 15, as it should be. "
        + "Step 2: 30 - 15 = 15, but it should be 30 + 15 = 45. "
        + "Step 3: 15 * 4 = 60, but it should be 45 * 4 = 180. "
        + "The answer is 60, but it should be 180. The solution is wrong."
    )
  }

  @Test("a dropped step leaves its operand to the later steps")
  func dropped() throws {
    // 15 in place of 45: 15 * 4 = 60.
    let response = try broken(.dropped(step: 1, operand: 1))
    #expect(
      response.text == """
        He buys 30/2 = 15 ducks.
        The 15 birds eat 15 * 4 = 60 cups.
        So they eat 60 cups.
        The answer is 60.
        """
    )
    #expect(
      response.critique == "Step 1: 30 / 2 = 15, as it should be. "
        + "A step is missing here: 30 + 15 = 45. "
        + "Step 2: 15 * 4 = 60, but it should be 45 * 4 = 180. "
        + "The answer is 60, but it should be 180. The solution is wrong."
    )
  }

  @Test("a repeated step works on its own result")
  func repeated() throws {
    // 30 + 45 = 75, 75 * 4 = 300.
    let response = try broken(.repeated(step: 1, operand: 1))
    #expect(
      response.text == """
        He buys 30/2 = 15 ducks.
        There are 30+15 = 45 birds.
        There are 30+45 = 75 birds.
        The 75 birds eat 75 * 4 = 300 cups.
        So they eat 300 cups.
        The answer is 300.
        """
    )
    #expect(
      response.critique == "Step 1: 30 / 2 = 15, as it should be. "
        + "Step 2: 30 + 15 = 45, as it should be. "
        + "Step 3: 30 + 45 = 75, but this step should not be there. "
        + "Step 4: 75 * 4 = 300, but it should be 45 * 4 = 180. "
        + "The answer is 300, but it should be 180. The solution is wrong."
    )
  }

  @Test("without propagation only the broken step differs")
  func alone() throws {
    let response = try broken(
      .number(step: 0, operand: 1, value: ExactNumber(3)),
      propagates: false
    )
    #expect(
      response.text == """
        He buys 30/3 = 10 ducks.
        There are 30+15 = 45 birds.
        The 45 birds eat 45 * 4 = 180 cups.
        So they eat 180 cups.
        The answer is 180.
        """
    )
    #expect(
      response.critique == "Step 1: 30 / 3 = 10, but it should be 30 / 2 = 15. "
        + "Step 2: 30 + 15 = 45, as it should be. Step 3: 45 * 4 = 180, as it should be. "
        + "The answer is 180. The solution is wrong."
    )
  }

  @Test("keeps thousands separators, cents and the sign of a product")
  func spelling() throws {
    // 1,200 * 3 = 3,600; 3,600.00 + 0.50 = 3,600.50.
    let solution = try solution(
      """
      That is 1,200 x 2 = $<<1200*2=2400>>2,400.
      With the stamp, $2,400.00 + $0.50 = $<<2400+.5=2400.5>>2,400.50.
      """,
      "2,400.50"
    )
    let response = GSM8KResponse(
      of: solution,
      .number(step: 0, operand: 1, value: ExactNumber(3)),
      known: [],
      propagates: true
    )
    #expect(
      response?.text == """
        That is 1,200 x 3 = $3,600.
        With the stamp, $3,600.00 + $0.50 = $3,600.50.
        The answer is 3,600.50.
        """
    )
  }

  /// What is wrong with the change, the text, its answer, the change.
  static let refused: [(String, String, String, GSM8KChange)] = [
    (
      "30 / 4 is no whole number", body, "180",
      .number(step: 0, operand: 1, value: ExactNumber(4))
    ),
    (
      "2 - 5 is below 0", "2+5 = <<2+5=7>>7", "7", .operation(step: 0, operand: 0, sign: "-")
    ),
    (
      "the answer does not use the step", "1+2 = <<1+2=3>>3 cats\n6+5 = <<6+5=11>>11 dogs", "11",
      .number(step: 0, operand: 0, value: ExactNumber(5))
    ),
    (
      "4 may be the question's or the step's",
      "8/2 = <<8/2=4>>4\n4*5 = <<4*5=20>>20", "20",
      .number(step: 0, operand: 0, value: ExactNumber(6))
    ),
    (
      "the sentence does not say the number", "Half of it is <<30/2=15>>15.", "15",
      .number(step: 0, operand: 0, value: ExactNumber(40))
    ),
    (
      "algebra beside the marks uses the result",
      "6+5 = <<6+5=11>>11\n3x + 11 = 44\n11*3 = <<11*3=33>>33", "33",
      .number(step: 0, operand: 0, value: ExactNumber(7))
    ),
    (
      "a hyphen is no minus", "A 9-day trip of 3 is 9-day-3 = <<9-3=6>>6", "6",
      .operation(step: 0, operand: 1, sign: "+")
    ),
    (
      "the only step cannot be dropped", "9-3 = <<9-3=6>>6", "6", .dropped(step: 0, operand: 0)
    ),
  ]

  @Test("refuses a change that gives no consistent wrong solution", arguments: refused)
  func refuses(reason: String, body: String, answer: String, change: GSM8KChange) throws {
    let response = GSM8KResponse(
      of: try solution(body, answer),
      change,
      known: Self.known,
      propagates: true
    )
    #expect(response == nil, "\(reason)")
  }

  @Test(
    "names what makes a solution unfit",
    arguments: [
      ("It is 5.", "5", GSM8KObstacle.noSteps), ("U = <<5=5>>5", "5", .noSteps),
      ("2+3 = <<2+3=6>>6", "6", .wrongArithmetic), ("2+y = <<2+y=6>>6", "6", .wrongArithmetic),
      ("2+3 = <<2+3=5>>5", "7", .answerWithoutStep),
    ]
  )
  func obstacles(body: String, answer: String, expected: GSM8KObstacle) throws {
    #expect(throws: GSM8KUnbreakable(obstacle: expected)) { try solution(body, answer) }
  }

  @Test("takes a quotient that is rounded to its decimals")
  func rounded() throws {
    let solution = try solution("10/3 = <<10/3=3.33>>3.33", "3.33")
    #expect(solution.steps.count == 1)
  }

  @Test("breaks the same with the same seed, each time in another way")
  func seeds() throws {
    func texts(_ seed: UInt64) throws -> [String] {
      var breaker = GSM8KBreaker(
        question: "A farmer has 30 hens and buys half as many ducks; each bird eats 4 cups.",
        solution: try solution(),
        seed: seed,
        index: 3,
        propagates: true
      )
      return breaker.breaks(6).map(\.response.text)
    }
    let first = try texts(1)
    #expect(try first == texts(1))
    #expect(try first != texts(2))
    #expect(Set(first).count == 6)
  }
}
