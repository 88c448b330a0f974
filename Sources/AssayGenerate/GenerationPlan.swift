import AssayModel

/// Requests grouped by prompt, with the pages that each needs.
struct GenerationPlan {
  /// Requests with one prompt.
  struct Group {
    let prompt: [Int32]
    var requests: [Int]

    /// Full pages of the prompt, which all requests share.
    var sharedPages: Int { prompt.count / DecoderCache.pageTokens }
    /// Pages that the prompt reaches into.
    var promptPages: Int { GenerationPlan.pages(prompt.count) }
  }

  /// A group on its way into a batch.
  struct Queued {
    /// One request of the group.
    struct Member {
      /// The request's index among all of the run.
      let index: Int
      let request: GenerationRequest
      /// Pages beyond those that the group shares.
      let ownPages: Int
    }

    let prompt: [Int32]
    let sharedPages: Int
    let promptPages: Int
    var members: [Member]
  }

  let requests: [GenerationRequest]
  let readsReward: Bool
  /// In the order of work: what takes longest begins first, so that the batch is full to the end.
  let groups: [Group]

  init(_ requests: [GenerationRequest], readsReward: Bool) {
    self.requests = requests
    self.readsReward = readsReward
    var indexOf: [[Int32]: Int] = [:]
    var groups: [Group] = []
    for (index, request) in requests.enumerated() {
      if let group = indexOf[request.promptTokens] {
        groups[group].requests.append(index)
      } else {
        indexOf[request.promptTokens] = groups.count
        groups.append(Group(prompt: request.promptTokens, requests: [index]))
      }
    }
    self.groups = Self.ordered(groups) { group in
      group.requests.map { Self.positions(of: requests[$0], readsReward: readsReward) }.max() ?? 0
    }
  }

  /// The longest first; prompts with half of their tokens or more in common are neighbours, so that
  /// one is there when the next is read.
  private static func ordered(_ groups: [Group], length: (Group) -> Int) -> [Group] {
    let alphabetical = groups.indices.sorted {
      let (a, b) = (groups[$0].prompt, groups[$1].prompt)
      return a == b ? $0 < $1 : a.lexicographicallyPrecedes(b)
    }
    var families: [(length: Int, members: [Int])] = []
    var last: Int?
    for index in alphabetical {
      let prompt = groups[index].prompt
      let longest = length(groups[index])
      if let before = last {
        let other = groups[before].prompt
        let common = zip(prompt, other).prefix { $0 == $1 }.count
        if 2 * common >= min(prompt.count, other.count), common >= DecoderCache.pageTokens {
          families[families.count - 1].members.append(index)
          families[families.count - 1].length = max(families[families.count - 1].length, longest)
          last = index
          continue
        }
      }
      families.append((longest, [index]))
      last = index
    }
    return families.sorted { ($0.length, $1.members[0]) > ($1.length, $0.members[0]) }
      .flatMap { family in
        family.members.sorted { (length(groups[$0]), $1) > (length(groups[$1]), $0) }
          .map { groups[$0] }
      }
  }

  static func pages(_ tokens: Int) -> Int {
    (tokens + DecoderCache.pageTokens - 1) / DecoderCache.pageTokens
  }

  /// Positions that a request may come to use; `Int.max` where they are more than that.
  static func positions(of request: GenerationRequest, readsReward: Bool) -> Int {
    let given = request.promptTokens.count + (readsReward && request.closing != nil ? 1 : 0)
    let (sum, isBeyond) = given.addingReportingOverflow(request.maximumTokens)
    return isBeyond ? .max : sum
  }

  /// Pages of a request beyond those that its group shares.
  func ownPages(_ request: Int, in group: Group) -> Int {
    Self.pages(Self.positions(of: requests[request], readsReward: readsReward)) - group.sharedPages
  }

  /// The groups in the order of work.
  ///
  /// - Parameters:
  ///   - firstIndex: What the index of the first request is among all of the run.
  ///   - isWanted: Whether a request has anything to generate or read.
  /// - Returns: The groups that have wanted requests.
  func queued(firstIndex: Int, isWanted: (GenerationRequest) -> Bool) -> [Queued] {
    groups.compactMap { group in
      let members = group.requests.filter { isWanted(requests[$0]) }.map {
        Queued.Member(
          index: firstIndex + $0,
          request: requests[$0],
          ownPages: ownPages($0, in: group)
        )
      }
      guard !members.isEmpty else { return nil }
      return Queued(
        prompt: group.prompt,
        sharedPages: group.sharedPages,
        promptPages: group.promptPages,
        members: members
      )
    }
  }

  /// Pages that a request needs, were it alone.
  func pagesAlone(_ request: Int, in group: Group) -> Int {
    ownPages(request, in: group)
      + (group.requests.count == 1 ? group.sharedPages : group.promptPages)
  }

  /// How many pages a cache for these requests has.
  ///
  /// - Parameters:
  ///   - budget: Pages that may be used.
  ///   - batch: Sequences at once.
  ///   - error: Makes the error of a request that needs more pages than that.
  /// - Returns: At most `budget`.
  /// - Throws: What `error` makes.
  func pages(budget: Int, batch: Int, error: (Int, Int) -> GenerationError) throws -> Int {
    var total = 0
    var left = batch
    for group in groups {
      for (offset, request) in group.requests.enumerated() {
        let needed = pagesAlone(request, in: group)
        guard needed <= budget else { throw error(request, needed) }
        // The requests that begin first are the longest: later ones fit where these were.
        guard left > 0 else { continue }
        left -= 1
        total += (offset == 0 ? group.promptPages : 0) + ownPages(request, in: group)
      }
    }
    let largest =
      groups.map { group in
        group.promptPages + (group.requests.map { ownPages($0, in: group) }.max() ?? 0)
      }.max() ?? 0
    return max(1, min(budget, max(total, largest)))
  }
}
