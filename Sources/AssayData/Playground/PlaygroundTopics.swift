/// A topic and what there is to say about it.
struct PlaygroundTopic: Sendable {
  var name: String
  var facts: [String]
}

/// The topics of Chat; each fact names its topic, and is said of no other.
enum PlaygroundTopics {
  static let all = [
    topic(
      "tea",
      "tea is a hot drink.",
      "people make tea from leaves.",
      "tea is good with milk.",
      "many people drink tea in the morning."
    ),
    topic(
      "cats",
      "cats like to sleep.",
      "cats hunt small birds.",
      "cats have soft hair.",
      "many people live with cats."
    ),
    topic(
      "rain",
      "rain falls from the clouds.",
      "rain is good for gardens.",
      "rain makes the streets wet.",
      "a coat helps in the rain."
    ),
    topic(
      "trains",
      "trains run on iron roads.",
      "trains carry many people.",
      "trains are long and fast.",
      "you can sleep on trains at night."
    ),
    topic(
      "dogs",
      "dogs like to run.",
      "dogs help people to hunt.",
      "dogs eat meat.",
      "old dogs sleep a lot."
    ),
    topic(
      "bread",
      "people bake bread in the morning.",
      "bread is good with soup.",
      "old bread is hard.",
      "bread is made from grain and water."
    ),
    topic(
      "snow",
      "snow is white and cold.",
      "snow falls in the winter.",
      "children like to play in the snow.",
      "the sun makes the snow go away."
    ),
    topic(
      "ships",
      "ships go over the sea.",
      "big ships carry cars.",
      "old ships used the wind.",
      "ships are made of iron or wood."
    ),
    topic(
      "birds",
      "birds can fly.",
      "birds sing in the morning.",
      "birds build homes in trees.",
      "some birds go south in the winter."
    ),
    topic(
      "milk",
      "milk comes from cows.",
      "milk is white.",
      "children drink a lot of milk.",
      "warm milk helps you to sleep."
    ),
    topic(
      "books",
      "books are made of paper.",
      "good books tell a story.",
      "people read books at night.",
      "you can get books at school."
    ),
    topic(
      "the moon",
      "the moon goes around the earth.",
      "you see the moon at night.",
      "there is no water on the moon.",
      "people walked on the moon."
    ),
    topic(
      "the sun",
      "the sun is very hot.",
      "the sun gives us light.",
      "plants grow in the sun.",
      "the earth goes around the sun."
    ),
    topic(
      "horses",
      "horses eat grass.",
      "horses run very fast.",
      "people ride on horses.",
      "horses are big and strong."
    ),
    topic(
      "apples",
      "apples grow on trees.",
      "apples are red or green.",
      "you can make cake with apples.",
      "apples are sweet and hard."
    ),
    topic(
      "fish",
      "fish live in the water.",
      "fish can not walk.",
      "people catch fish in the sea.",
      "big fish eat small fish."
    ),
    topic(
      "rivers",
      "rivers run to the sea.",
      "rivers start in the mountains.",
      "boats go on big rivers.",
      "rivers carry stones and sand."
    ),
    topic(
      "schools",
      "children learn in schools.",
      "schools have many rooms.",
      "schools close in the summer.",
      "you read and write in schools."
    ),
    topic(
      "bees",
      "bees make sweet food.",
      "bees live in big families.",
      "bees fly from flower to flower.",
      "bees do not like the cold."
    ),
    topic(
      "clocks",
      "clocks tell the time.",
      "clocks have two hands.",
      "some clocks ring in the morning.",
      "old clocks are made of wood."
    ),
    topic(
      "soup",
      "soup is hot and wet.",
      "you eat soup with a spoon.",
      "soup is good in the winter.",
      "you can make soup from fish."
    ),
    topic(
      "cows",
      "cows eat grass all day.",
      "cows give us milk.",
      "cows sleep on the farm.",
      "young cows drink milk."
    ),
    topic(
      "trees",
      "trees have green leaves.",
      "trees can grow very old.",
      "many birds live in trees.",
      "we make paper from trees."
    ),
    topic(
      "cars",
      "cars run on roads.",
      "cars have four wheels.",
      "new cars are quiet.",
      "cars need light at night."
    ),
    topic(
      "music",
      "music helps people to dance.",
      "people make music with drums.",
      "music can be loud or quiet.",
      "you can learn music at school."
    ),
    topic(
      "winter",
      "winter is cold and dark.",
      "in winter the days are short.",
      "winter comes after the autumn.",
      "many animals sleep all winter."
    ),
    topic(
      "summer",
      "summer is warm and light.",
      "in summer the days are long.",
      "people swim a lot in summer.",
      "summer comes after the spring."
    ),
    topic(
      "salt",
      "salt is white.",
      "salt comes from the sea.",
      "food needs some salt.",
      "people used salt as money."
    ),
    topic(
      "shoes",
      "shoes keep your feet warm.",
      "shoes come in two parts.",
      "good shoes help you to walk.",
      "you take off your shoes at home."
    ),
    topic(
      "gold",
      "gold is yellow and soft.",
      "people make rings from gold.",
      "gold costs a lot of money.",
      "people find gold in rivers."
    ),
  ]

  static let topicOfFact = Dictionary(
    all.flatMap { topic in topic.facts.map { ($0, topic.name) } },
    uniquingKeysWith: { first, _ in first }
  )

  private static func topic(_ name: String, _ facts: String...) -> PlaygroundTopic {
    PlaygroundTopic(name: name, facts: facts)
  }
}
