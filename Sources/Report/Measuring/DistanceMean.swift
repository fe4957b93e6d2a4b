/// The mean of the pictures' attention distances, in the memory of one picture.
struct DistanceMean: Sendable, Equatable {
    private(set) var pictures = 0
    /// `blocks × heads`, summed over the pictures.
    private var sums: [[Double]] = []

    /// - Parameter distances: `blocks × heads` in pixels.
    mutating func add(_ distances: [[Double]]) {
        if sums.isEmpty {
            sums = distances
        } else {
            for block in sums.indices {
                for head in sums[block].indices { sums[block][head] += distances[block][head] }
            }
        }
        pictures += 1
    }

    /// `blocks × heads` in pixels; empty without pictures.
    var mean: [[Double]] { sums.map { heads in heads.map { $0 / Double(pictures) } } }
}
