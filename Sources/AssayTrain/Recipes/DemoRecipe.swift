extension Recipe {
  /// What `assay demo` runs: the text of `Recipes/demo.yaml`, so that the command needs no file.
  package static let demo = """
    # Classic against CLoud on the Playground: what `assay demo` runs.
    #
    #   assay train Recipes/demo.yaml --out runs/demo
    method: comparison
    world: playground
    compute:
      dtype: bf16
    playground:
      train: 10000
      test: 2000
      ood: 1000
      corpus: 280000
    base:
      vocabulary_size: 1024
      batch_sequences: 48
      epochs: 1
      targets: assistant
      optimizer:
        schedule:
          learning_rate: 0.003
    classic:
      epochs: 2
      batch_pairs: 32
      optimizer:
        schedule:
          learning_rate: 0.0005
    critique:
      epochs: 3
      batch_responses: 32
      critique_tokens: 160
      optimizer:
        schedule:
          learning_rate: 0.001
    cloud:
      epochs: 2
      batch_pairs: 16
      optimizer:
        schedule:
          learning_rate: 0.0003
    """
}
