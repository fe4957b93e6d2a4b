/// The number format of products and of what is handed from one to the next. Sums, LayerNorm, softmax and the
/// residual stream are in 32-bit floats always.
public enum Precision: String, Sendable, CaseIterable {
    case float32 = "fp32"
    /// The upper half of a 32-bit float. For CPUs that multiply it natively.
    case bfloat16 = "bf16"

    var byteCount: Int {
        switch self {
        case .float32: 4
        case .bfloat16: 2
        }
    }
}

/// What a linear layer does with its product before storing it.
enum Epilogue: Sendable {
    /// y = x·Wᵀ + b
    case bias
    /// y = GELU(x·Wᵀ + b), by erf
    case gelu
    /// y += x·Wᵀ + b
    case residual
}

/// A linear layer as a library wants it: weights packed, epilogue fused where it can be. Shared by all threads.
protocol LinearLayer: Sendable {
    /// - Parameters:
    ///   - input: `rows × inputs` of the layer's input precision, packed.
    ///   - output: `rows × outputs` of its output precision, packed.
    /// - Throws: `ModelError.mathLibraryFailed`.
    func apply(rows: Int, input: UnsafeRawPointer, output: UnsafeMutableRawPointer) throws
}

/// A library of matrix products. Products run on the calling thread alone: parallelism is the caller's.
protocol Backend: Sendable {
    /// Such as `OpenBLAS (SkylakeX)`.
    var description: String { get }

    /// - Throws: `ModelError.mathLibraryFailed`.
    func makeLayer(
        _ linear: Linear, _ epilogue: Epilogue, input: Precision, output: Precision
    ) throws -> any LinearLayer
}
