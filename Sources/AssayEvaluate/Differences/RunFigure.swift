extension Double {
  /// With two decimals, as tables of runs write it.
  var runFigure: String { "\((100 * self).rounded() / 100)" }
}
