import CKernels

/// What the residual stream starts as on one patch grid:
///
///     x = [prefix tokens; patches · Wᵀ + b + positions], through norm_pre where the model has it.
struct Embedding {
    private let model: Model
    private let rows: Int
    private let columns: Int
    private var c: Configuration { model.configuration }

    init(model: Model, rows: Int, columns: Int) {
        self.model = model
        self.rows = rows
        self.columns = columns
    }

    /// All of x before norm_pre.
    ///
    /// - Parameters:
    ///   - x: `tokens × D`.
    ///   - embedPatches: sets the patches' rows to patches · Wᵀ + b plus the positions, `patches × D`, which
    ///     are nil for a model without a table. The order of the additions is the caller's: a library can
    ///     accumulate.
    func run(
        into x: UnsafeMutablePointer<Float>,
        _ embedPatches: (_ patches: UnsafeMutablePointer<Float>, _ positions: [Float]?) throws -> Void
    ) rethrows {
        let prefix = model.weights.specialTokens
        x.update(from: prefix, count: prefix.count)
        let positions = model.patchPositions(rows: rows, columns: columns)
        try embedPatches(x + c.specialTokens * c.width, positions.isEmpty ? nil : positions)
    }

    /// out = norm_pre(x), `tokens × D`; nothing happens for a model without. `out` may be `x`.
    func normalize(_ x: UnsafePointer<Float>, into out: UnsafeMutablePointer<Float>) {
        guard let norm = model.weights.normPre else { return }
        vv_layer_norm(
            out, x, norm.gamma, norm.beta, c.specialTokens + rows * columns, c.width, c.layerNormEpsilon)
    }
}
