import AssayTensor

extension ModelConfiguration {
  /// What the attention of a block computes.
  func attentionOptions(layer: Int) -> AttentionOptions {
    let window = attention.window.flatMap { window in
      window.layers.map { $0[layer] } ?? true ? window.tokens : nil
    }
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
    guard let layers = rotary.unrotated else {
      return Array(repeating: rotated, count: layerCount)
    }
    var none = Rotary()
    none.share = 0
    let still = table(none)
    return layers.map { $0 ? still : rotated }
  }
}
