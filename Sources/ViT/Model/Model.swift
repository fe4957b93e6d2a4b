import Base
import CKernels

/// A Vision Transformer with its weights: immutable, shared by all workers.
///
/// The blocks' weights, which are nearly all of them, stay in the file until they are asked for: an `Engine`
/// packs its own copies and does not use plain ones.
package final class Model: Sendable {
    package let configuration: Configuration
    /// What to call the model in captions and metadata.
    package let name: String
    /// SHA-256 of the weights file in hexadecimal, for provenance; empty for weights made in memory.
    package let weightsHash: String
    /// How it came to be taken for what it is.
    package let account: ModelAccount
    package let weights: Weights
    /// The names of its classes that its file holds; empty where it holds none.
    package let classNames: [String]
    /// The text tower that lies beside it; nil where there is none that is read.
    package let textTower: TextTower?
    private let positions = GridCache<[Float]>()
    private let attentionPositions = GridCache<AttentionPositions>()
    private let readBlock: ReadBlock
    private let keptBlocks: Lazy<[BlockWeights]>

    /// Gives the weights of a block.
    typealias ReadBlock = @Sendable (_ index: Int) throws -> BlockWeights

    init(
        configuration: Configuration, name: String, weightsHash: String,
        account: ModelAccount = ModelAccount(), weights: Weights, classNames: [String] = [],
        textTower: TextTower? = nil,
        readBlock: @escaping ReadBlock
    ) {
        self.configuration = configuration
        self.name = name
        self.weightsHash = weightsHash
        self.account = account
        self.weights = weights
        self.classNames = classNames
        self.textTower = textTower
        self.readBlock = readBlock
        keptBlocks = Lazy { try (0..<configuration.depth).map(readBlock) }
    }

    /// Reads one block's weights; every call reads the file.
    ///
    /// - Throws: `VitvideoError` where the file cannot be read.
    func block(reading index: Int) throws -> BlockWeights { try readBlock(index) }

    /// The weights of all blocks, read at the first call and kept from then on.
    ///
    /// - Throws: `VitvideoError` where the file cannot be read.
    package func blocks() throws -> [BlockWeights] { try keptBlocks() }

    /// What the position table adds to the patches on a grid, `rows · columns × D`; computed once per grid.
    /// Empty for a model without a table.
    package func patchPositions(rows: Int, columns: Int) -> [Float] {
        positions.value(rows: rows, columns: columns) {
            switch configuration.position {
            case .learned:
                PositionTable.interpolated(
                    weights.patchPositions, configuration: configuration, rows: rows, columns: columns)
            case .sineCosine:
                PositionTable.sineCosine(rows: rows, columns: columns, width: configuration.width)
            case .none: []
            }
        }
    }

    /// How attention depends on the places in a grid, computed once per grid.
    func attentionPositions(rows: Int, columns: Int) -> AttentionPositions {
        let c = configuration
        return attentionPositions.value(rows: rows, columns: columns) {
            AttentionPositions(
                rotation: c.rotary.map { rotary in
                    Rotation(
                        rotary, configuration: c,
                        periods: weights.rotaryPeriods?.map(Double.init)
                            ?? Rotation.periods(base: rotary.base, headWidth: c.headWidth),
                        rows: rows, columns: columns)
                },
                biases: weights.biasTables.map {
                    AttentionBias(
                        $0, configuration: c, rows: rows, columns: columns,
                        factor: Float(c.headWidth).squareRoot())
                })
        }
    }

    // MARK: After the last block

    /// out = the final LayerNorm of x, `rows × D`; x itself for a model without. `out` may be `x`.
    func normalize(_ x: UnsafePointer<Float>, into out: UnsafeMutablePointer<Float>, rows: Int) {
        if let norm = weights.norm {
            vv_layer_norm(
                out, x, norm.gamma, norm.beta, rows, configuration.width, configuration.layerNormEpsilon)
        } else if UnsafePointer(out) != x {
            out.update(from: x, count: rows * configuration.width)
        }
    }

    /// Adds to `xGradient` what reaches x from the gradient with respect to `normalize`'s output, both `rows × D`.
    func normalizeBackward(
        _ xGradient: UnsafeMutablePointer<Float>, _ gradient: UnsafePointer<Float>, x: UnsafePointer<Float>,
        rows: Int, _ parameters: ParameterGradients?
    ) {
        if let norm = weights.norm {
            norm.backward(
                "norm", residualGradient: xGradient, gradient: gradient, x: x, rows: rows,
                epsilon: configuration.layerNormEpsilon, parameters: parameters)
        } else {
            vv_add_bias(xGradient, gradient, 1, rows * configuration.width)
        }
    }

    /// The patch embedding's filters, `D × 3 × patch × patch`.
    package var patchFilters: [Float] { weights.patchEmbedding.weight }

    /// The block that an index names, negative indices counting from the end as in Python.
    ///
    /// - Throws: `VitvideoError.noSuchBlock`.
    package func block(at index: Int) throws -> Int {
        try blockIndex(index, depth: configuration.depth)
    }
}

/// A value of the grid last asked for. A clip has one grid, so one entry is enough.
private final class GridCache<Value: Sendable>: Sendable {
    private struct Entry {
        let rows: Int
        let columns: Int
        let value: Value
    }

    private let entry = Mutex<Entry?>(nil)

    func value(rows: Int, columns: Int, make: () -> Value) -> Value {
        entry.withLock { entry in
            if let entry, entry.rows == rows, entry.columns == columns { return entry.value }
            let value = make()
            entry = Entry(rows: rows, columns: columns, value: value)
            return value
        }
    }
}
