/// What a linear layer does with its product before storing it.
enum Epilogue: Sendable, Equatable {
    /// y = x·Wᵀ + b
    case bias
    /// y = activation(x·Wᵀ + b), for one that is not gated
    case activation(Activation)
    /// y += x·Wᵀ + b
    case residual
}

/// A linear layer as a library wants it: weights packed, epilogue fused where it can be. Shared by all
/// workers.
protocol LinearLayer: Sendable {
    /// - Parameters:
    ///   - input: `rows × inputs`, packed, as the layer's precision stores them.
    ///   - output: `rows × outputs` as the layer's output is stored, packed.
    ///   - scratch: `Int8Layer.scratchBytes` for a layer in 8-bit integers; others do not use it.
    /// - Throws: `VitvideoError.mathLibraryFailed`.
    func apply(
        rows: Int, input: UnsafeRawPointer, output: UnsafeMutableRawPointer,
        scratch: UnsafeMutableRawPointer
    ) throws
}

/// A library of matrix products. Products run on the calling thread alone: parallelism is the caller's.
protocol Backend: Sendable {
    /// Such as `OpenBLAS (SkylakeX)`.
    var description: String { get }
    /// Whether layers hold copies of their weights in layouts of their own, so that products of few rows are fast.
    var packsWeights: Bool { get }

    /// - Parameters:
    ///   - linear: its bias may be empty, where it has none.
    ///   - precision: of the product; its storage is the input's.
    /// - Throws: `VitvideoError.mathLibraryFailed`.
    func makeLayer(
        _ linear: Linear, _ epilogue: Epilogue, _ precision: Precision, output: Storage
    ) throws -> any LinearLayer
}
