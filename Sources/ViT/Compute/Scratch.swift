import CKernels

/// The buffers of a forward pass, allocated once per number of tokens.
///
/// Memory grows linearly with the tokens, unless a whole attention matrix is asked for.
final class Scratch {
    let tokens: Int
    /// The residual stream, `tokens × D`.
    let state: UnsafeMutablePointer<Float>
    /// Queries, keys and values, `tokens × 3D` in the engine's precision.
    let queryKeyValue: UnsafeMutableRawPointer
    /// The heads' outputs side by side, `tokens × D` in the engine's precision.
    let joined: UnsafeMutableRawPointer
    /// Each head's keys and values as the attention kernel wants them.
    let packedKeys: UnsafeMutableRawPointer
    let packedValues: UnsafeMutableRawPointer
    /// Bytes of one head's packed keys, and of its packed values.
    let packedBytes: Int
    /// Working space of each thread.
    let threads: [ThreadScratch]

    private let width: Int
    private var matrix: UnsafeMutableRawPointer?

    /// Rows that a thread handles together in the linear layers: enough for efficient products, few enough that
    /// the hidden values stay in cache.
    static let rowTile = 256

    init(configuration c: Configuration, precision: Precision, tokens: Int, threads: Int) {
        self.tokens = tokens
        width = c.width
        state = allocate(bytes: tokens * c.width * 4).assumingMemoryBound(to: Float.self)
        queryKeyValue = allocate(bytes: tokens * 3 * c.width * precision.byteCount)
        joined = allocate(bytes: tokens * c.width * precision.byteCount)
        let bytes =
            precision == .bfloat16
            ? vv_attention_bf16_packed_bytes(tokens, c.headWidth)
            : vv_attention_packed_count(tokens, c.headWidth) * 4
        packedBytes = (bytes + cacheLine - 1) / cacheLine * cacheLine
        packedKeys = allocate(bytes: c.heads * packedBytes)
        packedValues = allocate(bytes: c.heads * packedBytes)
        self.threads = (0..<threads).map { _ in
            ThreadScratch(configuration: c, precision: precision, rows: min(tokens, Scratch.rowTile))
        }
    }

    deinit {
        for buffer in [UnsafeMutableRawPointer(state), queryKeyValue, joined, packedKeys, packedValues] {
            buffer.deallocate()
        }
        matrix?.deallocate()
    }

    /// Room for one head's `tokens × tokens` matrix, made when first asked for.
    func attentionMatrix() -> UnsafeMutablePointer<Float> {
        let made = matrix ?? allocate(bytes: tokens * tokens * 4)
        matrix = made
        return made.assumingMemoryBound(to: Float.self)
    }

    /// The residual stream for reading.
    var stateBuffer: UnsafeBufferPointer<Float> { UnsafeBufferPointer(start: state, count: tokens * width) }
}

/// One thread's working space.
final class ThreadScratch {
    /// LayerNorm's output for a tile of rows, `rowTile × D` in the engine's precision or in 32-bit floats.
    let normed: UnsafeMutableRawPointer
    /// The feed-forward part's hidden values for a tile of rows, for SwiGLU gate and value.
    let hidden: UnsafeMutableRawPointer
    /// SwiGLU's product for a tile of rows.
    let gated: UnsafeMutableRawPointer
    /// What the attention kernel needs.
    let attention: UnsafeMutableRawPointer

    init(configuration c: Configuration, precision: Precision, rows: Int) {
        normed = allocate(bytes: rows * c.width * 4)
        hidden = allocate(bytes: rows * c.feedForwardWidth * (c.feedForward == .swiglu ? 8 : 4))
        gated = allocate(bytes: c.feedForward == .swiglu ? rows * c.feedForwardWidth * 4 : 1)
        attention = allocate(
            bytes: precision == .bfloat16
                ? vv_attention_bf16_scratch_bytes(c.headWidth) : vv_attention_scratch_count(c.headWidth) * 4)
    }

    deinit {
        for buffer in [normed, hidden, gated, attention] { buffer.deallocate() }
    }
}

/// Bytes that the widest vectors fill; buffers start at a multiple of it.
private let cacheLine = 64

private func allocate(bytes: Int) -> UnsafeMutableRawPointer {
    .allocate(byteCount: bytes, alignment: cacheLine)
}
