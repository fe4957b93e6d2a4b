import CKernels

/// The buffers of a forward pass, allocated once per number of tokens.
///
/// Memory grows linearly with the tokens, unless a whole attention matrix is asked for.
final class Scratch {
    let tokens: Int
    /// The residual stream, `tokens × D`.
    let state: UnsafeMutablePointer<Float>
    /// Queries, keys and values, `tokens × 3D` as the engine stores them.
    let queryKeyValue: UnsafeMutableRawPointer
    /// The heads' outputs side by side, `tokens × D` as the engine stores them.
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
        let sizes = ScratchSizes(configuration: c, precision: precision, tokens: tokens)
        self.tokens = tokens
        width = c.width
        state = allocate(bytes: sizes.state).assumingMemoryBound(to: Float.self)
        queryKeyValue = allocate(bytes: sizes.queryKeyValue)
        joined = allocate(bytes: sizes.joined)
        packedBytes = sizes.packedHead
        packedKeys = allocate(bytes: c.heads * sizes.packedHead)
        packedValues = allocate(bytes: c.heads * sizes.packedHead)
        self.threads = (0..<threads).map { _ in ThreadScratch(sizes) }
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
    /// LayerNorm's output for a tile of rows, `rowTile × D` as the engine stores it or in 32-bit floats.
    let normed: UnsafeMutableRawPointer
    /// The feed-forward part's hidden values for a tile of rows, for SwiGLU gate and value.
    let hidden: UnsafeMutableRawPointer
    /// SwiGLU's product for a tile of rows.
    let gated: UnsafeMutableRawPointer
    /// What the attention kernel needs.
    let attention: UnsafeMutableRawPointer
    /// What products in 8-bit integers need.
    let product: UnsafeMutableRawPointer

    init(_ sizes: ScratchSizes) {
        normed = allocate(bytes: sizes.normed)
        hidden = allocate(bytes: sizes.hidden)
        gated = allocate(bytes: sizes.gated)
        attention = allocate(bytes: sizes.attention)
        product = allocate(bytes: sizes.product)
    }

    deinit {
        for buffer in [normed, hidden, gated, attention, product] { buffer.deallocate() }
    }
}

/// Bytes of each buffer of a forward pass.
struct ScratchSizes {
    let state: Int
    let queryKeyValue: Int
    let joined: Int
    /// One head's packed keys, and its packed values.
    let packedHead: Int
    let normed: Int
    let hidden: Int
    let gated: Int
    let attention: Int
    let product: Int
    private let heads: Int

    init(configuration c: Configuration, precision: Precision, tokens: Int) {
        heads = c.heads
        state = tokens * c.width * 4
        queryKeyValue = tokens * 3 * c.width * precision.storage.byteCount
        joined = tokens * c.width * precision.storage.byteCount
        let rows = min(tokens, Scratch.rowTile)
        normed = rows * c.width * 4
        hidden = rows * c.feedForwardWidth * (c.feedForward == .swiglu ? 8 : 4)
        gated = c.feedForward == .swiglu ? rows * c.feedForwardWidth * 4 : 1
        product =
            precision == .int8
            ? Int8Layer.scratchBytes(
                inputs: max(c.width, c.feedForwardWidth),
                outputs: max(3 * c.width, (c.feedForward == .swiglu ? 2 : 1) * c.feedForwardWidth)) : 1
        let packed: Int
        switch precision.storage {
        case .float32:
            packed = vv_attention_packed_count(tokens, c.headWidth) * 4
            attention = vv_attention_scratch_count(c.headWidth) * 4
        case .bfloat16:
            packed = vv_attention_bf16_packed_bytes(tokens, c.headWidth)
            attention = vv_attention_bf16_scratch_bytes(c.headWidth)
        }
        packedHead = (packed + cacheLine - 1) / cacheLine * cacheLine
    }

    /// All of it together.
    func total(threads: Int) -> Int {
        state + queryKeyValue + joined + 2 * heads * packedHead
            + threads * (normed + hidden + gated + attention + product)
    }
}

/// Bytes that the widest vectors fill; buffers start at a multiple of it.
private let cacheLine = 64

private func allocate(bytes: Int) -> UnsafeMutableRawPointer {
    .allocate(byteCount: bytes, alignment: cacheLine)
}
