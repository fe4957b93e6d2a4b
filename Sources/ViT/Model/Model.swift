import Base

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
    let weights: Weights
    private let positions = GridCache<[Float]>()
    private let rotations = GridCache<Rotation?>()
    private let readBlock: ReadBlock
    private let keptBlocks: Lazy<[BlockWeights]>

    /// Gives the weights of a block.
    typealias ReadBlock = @Sendable (_ index: Int) throws -> BlockWeights

    init(
        configuration: Configuration, name: String, weightsHash: String,
        account: ModelAccount = ModelAccount(), weights: Weights,
        readBlock: @escaping ReadBlock
    ) {
        self.configuration = configuration
        self.name = name
        self.weightsHash = weightsHash
        self.account = account
        self.weights = weights
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
    func blocks() throws -> [BlockWeights] { try keptBlocks() }

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
            case .rotary, .none: []
            }
        }
    }

    /// How queries and keys are rotated on a grid, computed once per grid; nil for a model without rotary
    /// positions.
    func rotation(rows: Int, columns: Int) -> Rotation? {
        guard case .rotary(let base) = configuration.position else { return nil }
        return rotations.value(rows: rows, columns: columns) {
            Rotation(
                configuration: configuration,
                periods: weights.rotaryPeriods?.map(Double.init)
                    ?? Rotation.periods(base: base, headWidth: configuration.headWidth),
                rows: rows, columns: columns)
        }
    }

    /// The patch embedding's filters, `D × 3 × patch × patch`.
    package var patchFilters: [Float] { weights.patchEmbedding.weight }

    /// The block that an index names, negative indices counting from the end as in Python.
    ///
    /// - Throws: `VitvideoError.noSuchBlock`.
    package func block(at index: Int) throws -> Int {
        let depth = configuration.depth
        guard (-depth..<depth).contains(index) else {
            throw VitvideoError.noSuchBlock(index, depth: depth)
        }
        return index < 0 ? index + depth : index
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
