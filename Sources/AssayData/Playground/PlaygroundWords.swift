/// A person of the Playground.
struct PlaygroundPerson: Hashable, Sendable {
  var name: String
  var pronoun: String
  var objectPronoun: String

  init(_ name: String, isFemale: Bool) {
    self.name = name
    pronoun = isFemale ? "she" : "he"
    objectPronoun = isFemale ? "her" : "him"
  }
}

/// The words that several tasks share.
enum PlaygroundWords {
  /// In the order of the alphabet, each with a first letter of its own.
  static let people = [
    PlaygroundPerson("anna", isFemale: true), PlaygroundPerson("bob", isFemale: false),
    PlaygroundPerson("clara", isFemale: true), PlaygroundPerson("dan", isFemale: false),
    PlaygroundPerson("eva", isFemale: true), PlaygroundPerson("fred", isFemale: false),
    PlaygroundPerson("gina", isFemale: true), PlaygroundPerson("hugo", isFemale: false),
    PlaygroundPerson("ida", isFemale: true), PlaygroundPerson("john", isFemale: false),
    PlaygroundPerson("kate", isFemale: true), PlaygroundPerson("leo", isFemale: false),
  ]
  static let names = people.map(\.name)
  static let countedThings = [
    "apples", "books", "coins", "pens", "cards", "eggs", "shells", "stones", "stamps", "keys",
    "cups", "balls",
  ]
  static let movedThings = [
    "ball", "book", "key", "cup", "pen", "hat", "map", "bag", "lamp", "box", "coin", "drum",
  ]
  static let nouns = [
    "apple", "arm", "bag", "ball", "bed", "bell", "bird", "boat", "book", "bread", "cake", "cap",
    "car", "cat", "chair", "cloud", "coat", "cow", "cup", "desk", "dog", "door", "drum", "duck",
    "ear", "egg", "fish", "flower", "fork", "frog", "garden", "goat", "hand", "hat", "horse",
    "house", "key", "king", "lamp", "leaf", "map", "milk", "moon", "mouse", "nose", "pen",
    "pencil", "plum", "rain", "ring", "river", "rose", "ship", "shoe", "snow", "spoon", "star",
    "table", "train", "tree", "window",
  ]
}
