import CKernels

/// The backward pass of the embedding: from x, what goes into the first block, to the pixels and to the
/// parameters before that block.
///
///     forward                                          backward
///     x = norm_pre(e), or e without norm_pre           de = LayerNorm'(dx), or dx
///     e = [prefix tokens; patches · Wᵀ + b + M·table]  dpatches = de · W,  dW = deᵀ · patches,  dtable = Mᵀ·de
struct EmbeddingBackward {
    let engine: GradientEngine
    let rows: Int
    let columns: Int
    private var model: Model { engine.model }
    private var c: Configuration { model.configuration }

    init(_ record: ForwardRecord) {
        engine = record.engine
        (rows, columns) = (record.rows, record.columns)
    }

    /// Turns dx into de, in place. Nothing happens for a model without norm_pre.
    ///
    /// - Parameters:
    ///   - gradient: `tokens × D`.
    ///   - embedded: e, `tokens × D`.
    func backwardNorm(
        _ gradient: FloatBuffer, embedded: FloatBuffer, _ parameters: ParameterGradients?
    ) {
        guard let norm = model.weights.normPre else { return }
        let dx = FloatBuffer(gradient.count)
        dx.start.update(from: gradient.start, count: gradient.count)
        gradient.clear()
        norm.backward(
            "norm_pre", residualGradient: gradient.start, gradient: dx.start, x: embedded.start,
            rows: c.specialTokens + rows * columns, epsilon: c.layerNormEpsilon, parameters: parameters)
    }

    /// - Parameter gradient: de, `tokens × D`.
    /// - Returns: the gradient with respect to the normalized planes, `3 × rows·patch × columns·patch`.
    /// - Throws: `VitvideoError.mathLibraryFailed`.
    func planes(_ gradient: UnsafePointer<Float>) throws -> [Float] {
        let count = rows * columns
        let patches = FloatBuffer(count * c.patchValues)
        try engine.embedding.backward(patches.start, gradient + c.specialTokens * c.width, rows: count)
        let side = c.patchSize
        let (height, width) = (rows * side, columns * side)
        return [Float](unsafeUninitializedCapacity: patches.count) { planes, initialized in
            var from = UnsafePointer(patches.start)
            for row in 0..<rows {
                for column in 0..<columns {
                    for channel in 0..<3 {
                        for y in 0..<side {
                            let to = (channel * height + row * side + y) * width + column * side
                            for x in 0..<side { planes.initializeElement(at: to + x, to: from[x]) }
                            from += side
                        }
                    }
                }
            }
            initialized = patches.count
        }
    }

    /// Adds to the gradients of prefix tokens, positions and patch embedding.
    ///
    /// - Parameters:
    ///   - gradient: de, `tokens × D`.
    ///   - input: the patches that the gradient was taken at.
    func parameters(
        _ gradient: UnsafePointer<Float>, input: PatchMatrix, to parameters: ParameterGradients
    ) throws {
        let d = c.width
        var token = gradient
        for part in c.prefix.parts {
            parameters.add(token, count: part.count * d, to: part.name)
            token += part.count * d
        }
        let patches = gradient + c.specialTokens * d
        if case .learned = c.position {
            let positioned = c.positionedSpecialTokens * d
            parameters.add(gradient, count: positioned, to: "pos_embed")
            try addPositions(patches, to: parameters["pos_embed"] + positioned)
        }
        parameters.addLinear(
            "patch_embed.proj", gradient: patches, x: input.values, rows: rows * columns, outputs: d,
            inputs: c.patchValues)
    }

    /// dtable += Mᵀ · de, where M is the matrix that interpolates the table to this grid: the interpolated
    /// identity.
    private func addPositions(_ gradient: UnsafePointer<Float>, to table: UnsafeMutablePointer<Float>) throws
    {
        let (native, patches, d) = (c.nativeRows * c.nativeColumns, rows * columns, c.width)
        var identity = [Float](repeating: 0, count: native * native)
        for i in 0..<native { identity[i * native + i] = 1 }
        var unitPerEntry = c
        unitPerEntry.width = native
        let interpolation = PositionTable.interpolated(
            identity, configuration: unitPerEntry, rows: rows, columns: columns)
        let transposed = FloatBuffer(native * patches)
        interpolation.withUnsafeBufferPointer { from in
            for patch in 0..<patches {
                for entry in 0..<native {
                    transposed.start[entry * patches + patch] = from[patch * native + entry]
                }
            }
        }
        try MatrixProduct()(
            table, stride: d, transposed.start, stride: patches, gradient, stride: d, bTransposed: false,
            m: native, n: d, k: patches, beta: 1)
    }
}
