/// The number format of products and of the values between them. Sums, LayerNorm, softmax and the residual stream
/// are always in 32-bit floats.
package enum Precision: String, Sendable, CaseIterable {
    case float32 = "fp32"
    /// The upper half of a 32-bit float. For CPUs that multiply it natively.
    case bfloat16 = "bf16"
    /// Linear layers between blocks in 8-bit integers, a scale for each row of activations and of weights; all
    /// else as in bfloat16. Less exact: see `PrecisionCheck` in Pipeline.
    case int8 = "int8"

    /// How values are kept between products.
    var storage: Storage { self == .float32 ? .float32 : .bfloat16 }
}

/// A format that buffers are in.
enum Storage: Sendable {
    case float32
    case bfloat16

    var byteCount: Int { self == .float32 ? 4 : 2 }
}

/// What a linear layer does with its product before storing it.
enum Epilogue: Sendable, Equatable {
    /// y = x·Wᵀ + b
    case bias
    /// y = activation(x·Wᵀ + b), for one that is not gated
    case activation(Activation)
    /// y += x·Wᵀ + b
    case residual
}

/// A linear layer as a library wants it: weights packed, epilogue fused where it can be. Shared by all workers.
protocol LinearLayer: Sendable {
    /// - Parameters:
    ///   - input: `rows × inputs`, packed, as the layer's precision stores them.
    ///   - output: `rows × outputs` as the layer's output is stored, packed.
    ///   - scratch: `Int8Layer.scratchBytes` for a layer in 8-bit integers; others do not use it.
    /// - Throws: `ModelError.mathLibraryFailed`.
    func apply(
        rows: Int, input: UnsafeRawPointer, output: UnsafeMutableRawPointer,
        scratch: UnsafeMutableRawPointer
    ) throws
}

/// A library of matrix products. Products run on the calling thread alone: parallelism is the caller's.
protocol Backend: Sendable {
    /// Such as `OpenBLAS (SkylakeX)`.
    var description: String { get }

    /// - Parameter precision: of the product; its storage is the input's.
    /// - Throws: `ModelError.mathLibraryFailed`.
    func makeLayer(
        _ linear: Linear, _ epilogue: Epilogue, _ precision: Precision, output: Storage
    ) throws -> any LinearLayer
}
