/// The number format of products and of the values between them. Sums, LayerNorm, softmax and the residual
/// stream are always in 32-bit floats.
package enum Precision: String, Sendable, CaseIterable {
    case float32 = "fp32"
    /// The upper half of a 32-bit float. For CPUs that multiply it natively.
    case bfloat16 = "bf16"
    /// Linear layers between blocks in 8-bit integers, a scale for each row of activations and of weights;
    /// all else as in bfloat16. Less exact: see `PrecisionCheck` in Pipeline.
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
