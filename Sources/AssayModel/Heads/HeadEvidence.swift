// What a layout is recognised by.

/// Settings of a model folder's `config.json`.
package protocol HeadSettings {
  /// A whole number; `nil` where there is none.
  func int(_ key: String) throws -> Int?
  /// A number.
  func double(_ key: String) throws -> Double?
  /// True or false.
  func bool(_ key: String) throws -> Bool?
  /// A text.
  func string(_ key: String) throws -> String?
  /// Numbers.
  func doubles(_ key: String) throws -> [Double]?
}

/// What is known of a folder's head before its weights are read.
package struct HeadEvidence {
  /// The class in `config.json`; empty where there is none.
  package var className: String
  /// What the architecture's classes begin with.
  package var architecture: String
  /// D.
  package var hiddenSize: Int
  /// Ids lie below it.
  package var vocabularySize: Int
  /// What the transformer's weights begin with in place of `model.`.
  package var backbone: String
  /// Whether the folder is that of a sequence classifier.
  package var isClassifier: Bool
  /// Whether Assay wrote the folder, so that its head reads the last token that it renders.
  package var isOwn: Bool
  /// The token that pads batches of other tools; `nil` where none is known.
  package var padding: Int32?
  /// Names of all weights.
  package var names: Set<String>
  /// The shape of a weight.
  package var shape: (String) -> [Int]?
  /// The numbers of a small weight.
  package var numbers: (String) throws -> [Double]
  /// The folder's settings.
  package var settings: any HeadSettings
  /// What the user says of rows.
  package var choice: HeadChoice?

  /// Makes it.
  package init(
    className: String,
    architecture: String,
    hiddenSize: Int,
    vocabularySize: Int,
    backbone: String,
    isClassifier: Bool,
    isOwn: Bool,
    padding: Int32?,
    names: Set<String>,
    shape: @escaping (String) -> [Int]?,
    numbers: @escaping (String) throws -> [Double],
    settings: any HeadSettings,
    choice: HeadChoice?
  ) {
    self.className = className
    self.architecture = architecture
    self.hiddenSize = hiddenSize
    self.vocabularySize = vocabularySize
    self.backbone = backbone
    self.isClassifier = isClassifier
    self.isOwn = isOwn
    self.padding = padding
    self.names = names
    self.shape = shape
    self.numbers = numbers
    self.settings = settings
    self.choice = choice
  }

  /// Whether there is a weight.
  func has(_ name: String) -> Bool { names.contains(name) }

  /// The sizes of a weight that must be there.
  func need(_ name: String) throws -> [Int] {
    guard let shape = shape(name) else { throw HeadError.weight(name: name, reason: "is missing") }
    return shape
  }

  /// A linear layer.
  ///
  /// - Parameters:
  ///   - name: What its weights' names begin with.
  ///   - columns: Numbers that go in; `nil` is the hidden size.
  ///   - activation: What follows.
  /// - Returns: The layer.
  /// - Throws: `HeadError.weight` where it is missing or does not fit.
  func layer(
    _ name: String,
    columns: Int? = nil,
    activation: HeadDescriptor.Activation = .none
  ) throws -> HeadDescriptor.Layer {
    let (shape, columns) = (try need(name + ".weight"), columns ?? hiddenSize)
    guard shape.count == 2, shape[1] == columns, (1...Self.maximumRows).contains(shape[0]) else {
      throw HeadError.weight(
        name: name + ".weight",
        reason: "has shape \(shape); a layer of \(columns) numbers has [rows, \(columns)]"
      )
    }
    return .init(
      name: name,
      rows: shape[0],
      columns: columns,
      hasBias: has(name + ".bias"),
      activation: activation
    )
  }

  private static let maximumRows = 1 << 20

  /// The linear layers of a list of modules, `name.0`, `name.1` and so on: an activation follows each but
  /// the last, and a batch norm that stands behind it is used.
  ///
  /// - Parameters:
  ///   - name: The list's name.
  ///   - activation: What follows each layer but the last.
  /// - Returns: The layers, at least one.
  /// - Throws: `HeadError.weight` where there is none, or where one does not fit.
  func layers(
    _ name: String,
    activation: HeadDescriptor.Activation
  ) throws -> [HeadDescriptor.Layer] {
    var layers: [HeadDescriptor.Layer] = []
    for index in 0..<Self.maximumModules {
      let module = "\(name).\(index)"
      if has(module + ".running_var") {
        guard !layers.isEmpty else {
          throw HeadError.weight(name: module + ".running_var", reason: "stands before any layer")
        }
        layers[layers.count - 1].norm = module
      } else if has(module + ".weight") {
        layers.append(try layer(module, columns: layers.last?.rows))
      }
    }
    guard !layers.isEmpty else {
      throw HeadError.weight(name: name + ".0.weight", reason: "is missing")
    }
    for index in layers.indices.dropLast() { layers[index].activation = activation }
    return layers
  }

  private static let maximumModules = 64

  /// Whether the class is one of transformers' for language models, whose folder may have no head.
  var isPlain: Bool {
    let names = ["ForCausalLM", "LMHeadModel", "Model", "ForConditionalGeneration"].map {
      architecture + $0
    }
    return className.isEmpty || className.hasSuffix("ForCausalLM") || names.contains(className)
  }

  /// Names of weights that are no language model's.
  var strangers: [String] {
    let outer = backbone.hasSuffix("model.") ? String(backbone.dropLast("model.".count)) : ""
    let output = ["lm_head.weight", "output.weight"].map { outer + $0 }
    return names.filter { !$0.hasPrefix(backbone) && !output.contains($0) }.sorted()
  }

  /// The place before padding, as many classes with code of their own have it.
  var beforePadding: HeadPosition { padding.map { .before(padding: $0) } ?? .last }
}
