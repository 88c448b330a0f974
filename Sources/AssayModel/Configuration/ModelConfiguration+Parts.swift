import AssayTensor

extension ModelConfiguration {
  /// Tokens that are read at once at most: of a model whose longer texts have other frequencies more than
  /// `contextTokens`, up to which texts are also written.
  package var readTokens: Int { rotary.extendedContext ?? contextTokens }

  /// Whether tokens see a window in a block.
  func hasWindow(layer: Int) -> Bool {
    attention.window.map { $0.layers.map { $0[layer] } ?? true } ?? false
  }

  /// What the attention of a block computes.
  func attentionOptions(layer: Int) -> AttentionOptions {
    let window = hasWindow(layer: layer) ? attention.window?.tokens : nil
    return AttentionOptions(
      heads: headCount,
      groups: groupCount,
      scale: attention.scale.map { Float($0) },
      softCap: attention.softCap.map { Float($0) },
      window: window
    )
  }

  /// Angles of each block, which share their tables.
  func rotaryTables(device: Device) -> [RotaryTable] {
    func table(_ rotary: Rotary) -> RotaryTable {
      rotary.table(width: headWidth, positions: contextTokens, device: device)
    }
    let rotated = table(rotary)
    var tables = Array(repeating: rotated, count: layerCount)
    if let layers = rotary.unrotated {
      var none = Rotary()
      none.share = 0
      let still = table(none)
      tables = layers.map { $0 ? still : rotated }
    }
    if let base = rotary.windowBase {
      let near = table(Rotary(base: base))
      for layer in tables.indices where hasWindow(layer: layer) { tables[layer] = near }
    }
    return tables
  }
}
