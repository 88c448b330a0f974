import AssayBase
import Foundation
import Testing

@Suite struct HubNameTests {
  @Test("reads owner, name and revision")
  func parts() throws {
    let plain = try #require(HubName("org/some.name_1"))
    #expect(plain.path == "org/some.name_1")
    #expect(plain.revision == "main")
    let other = try #require(HubName("org/name@refs/pr/3"))
    #expect(other.revision == "refs/pr/3")
    #expect(other.description == "org/name@refs/pr/3")
  }

  @Test(
    "takes no name that leads elsewhere",
    arguments: [
      "name", "a/b/c", "/a", "a/", "../b", "a/..", "a/b--c", "a/.b", "a/b.git", "a/b c", "a/b@",
      "a/b@..", "a/b@x/../y", "a/b@/x", "a/b@x y", "a/b@.x", "\u{e4}/b",
    ]
  )
  func refused(_ text: String) {
    #expect(HubName(text) == nil)
  }

  @Test("finds the cache where the hub's own tools do")
  func cache() throws {
    let name = try #require(HubName("org/name", kind: .dataset))
    func folder(_ environment: [String: String]) -> String {
      HubCache(environment: environment).repository(name).path
    }
    #expect(folder(["HF_HUB_CACHE": "/x", "HF_HOME": "/y"]) == "/x/datasets--org--name")
    #expect(folder(["HF_HOME": "/y"]) == "/y/hub/datasets--org--name")
    #expect(folder(["XDG_CACHE_HOME": "/z"]) == "/z/huggingface/hub/datasets--org--name")
    #expect(folder([:]).hasSuffix("/.cache/huggingface/hub/datasets--org--name"))
  }
}
