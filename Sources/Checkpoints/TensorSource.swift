import NumPy

/// A file format's reader: named tensors whose values are read when asked for.
protocol TensorSource: Sendable {
    /// The tensors, in the file's order, names unique.
    var tensors: [(name: String, description: TensorDescription)] { get }
    /// Remarks that the file carries about itself.
    var metadata: [String: String] { get }
    /// The values of `tensors[index]`, row-major, as Float32. Thread-safe.
    func floats(_ index: Int) throws -> [Float]
}

extension TensorSource {
    var metadata: [String: String] { [:] }
}
