/// The buffers of a forward pass, allocated once per number of tokens, of the sizes that `ScratchSizes` says.
///
/// Memory grows linearly with the tokens, unless a whole attention matrix is asked for.
final class Scratch {
    let tokens: Int
    /// The residual stream, `tokens × D`.
    let residual: UnsafeMutablePointer<Float>
    /// Queries, keys and values, `tokens × 3D` as the engine stores them.
    let qkv: UnsafeMutableRawPointer
    /// The heads' outputs side by side, `tokens × D` as the engine stores them.
    let attentionOutput: UnsafeMutableRawPointer
    let packed: PackedHeads
    /// Working space of each worker.
    let workers: [WorkerScratch]

    private let width: Int
    private var matrix: UnsafeMutableRawPointer?

    /// Rows that a worker handles together in the linear layers: enough for efficient products, few enough
    /// that the hidden values stay in cache.
    static let rowTile = 256

    init(configuration c: Configuration, precision: Precision, tokens: Int, workers: Int) {
        let sizes = ScratchSizes(configuration: c, precision: precision, tokens: tokens)
        self.tokens = tokens
        width = c.width
        residual = allocate(bytes: sizes.residual).assumingMemoryBound(to: Float.self)
        qkv = allocate(bytes: sizes.qkv)
        attentionOutput = allocate(bytes: sizes.attentionOutput)
        packed = PackedHeads(sizes)
        self.workers = (0..<workers).map { _ in WorkerScratch(sizes) }
    }

    deinit {
        for buffer in [UnsafeMutableRawPointer(residual), qkv, attentionOutput] {
            buffer.deallocate()
        }
        matrix?.deallocate()
    }

    /// Room for one head's `tokens × tokens` matrix, allocated at the first call.
    func attentionMatrix() -> UnsafeMutablePointer<Float> {
        let made = matrix ?? allocate(bytes: tokens * tokens * 4)
        matrix = made
        return made.assumingMemoryBound(to: Float.self)
    }

    /// The residual stream for reading.
    var residualBuffer: UnsafeBufferPointer<Float> {
        UnsafeBufferPointer(start: residual, count: tokens * width)
    }
}

/// One worker's working space.
final class WorkerScratch {
    /// LayerNorm's output for a tile of rows, `rowTile × D` as the engine stores it or in 32-bit floats.
    let normalized: UnsafeMutableRawPointer
    /// The feed-forward part's hidden values for a tile of rows, for SwiGLU gate and value.
    let hidden: UnsafeMutableRawPointer
    /// SwiGLU's product for a tile of rows.
    let gated: UnsafeMutableRawPointer
    /// Scratch of the attention kernel.
    let attention: UnsafeMutableRawPointer
    /// Scratch of products in 8-bit integers.
    let product: UnsafeMutableRawPointer
    /// What is added to the scores of `biasRows` queries, rows `biasStride` apart; of no use where nothing is.
    let bias: UnsafeMutablePointer<Float>
    let biasRows: Int
    let biasStride: Int

    init(_ sizes: ScratchSizes) {
        normalized = allocate(bytes: sizes.normalized)
        hidden = allocate(bytes: sizes.hidden)
        gated = allocate(bytes: sizes.gated)
        attention = allocate(bytes: sizes.attention)
        product = allocate(bytes: sizes.product)
        let values = allocate(bytes: sizes.bias)
        // The kernel reads whole tiles.
        bias = values.initializeMemory(as: Float.self, repeating: 0, count: sizes.bias / 4)
        (biasRows, biasStride) = (ScratchSizes.biasRows, sizes.biasStride)
    }

    deinit {
        for buffer in [normalized, hidden, gated, attention, product, UnsafeMutableRawPointer(bias)] {
            buffer.deallocate()
        }
    }
}

/// Every head's keys and values in the layout of the attention kernel.
final class PackedHeads {
    private let start: UnsafeMutableRawPointer
    /// Bytes of one head's packed keys, and of its packed values.
    private let headBytes: Int

    init(_ sizes: ScratchSizes) {
        start = allocate(bytes: sizes.packed)
        headBytes = sizes.packedHead
    }

    deinit { start.deallocate() }

    func keys(_ head: Int) -> UnsafeMutableRawPointer { start + 2 * head * headBytes }

    func values(_ head: Int) -> UnsafeMutableRawPointer { keys(head) + headBytes }
}

private func allocate(bytes: Int) -> UnsafeMutableRawPointer {
    .allocate(byteCount: bytes, alignment: ScratchSizes.cacheLine)
}
