/// Credits, each with the number of its prompt.
typealias Counted = [(credit: Double, cluster: Int)]
