/// The reverse of the embedding: from the tokens to the pixels and to the parameters before the first block.
struct EmbeddingBackward {
    let model: Model
    let rows: Int
    let columns: Int
    private let product: MatrixProduct
    private var c: Configuration { model.configuration }

    init(model: Model, rows: Int, columns: Int) throws {
        self.model = model
        (self.rows, self.columns) = (rows, columns)
        product = try MatrixProduct()
    }

    /// - Parameter gradient: `tokens × D`, by what goes into the first block.
    /// - Returns: by the normalised planes, `3 × rows·patch × columns·patch`.
    func planes(_ gradient: UnsafePointer<Float>) -> [Float] {
        let count = rows * columns
        let patches = FloatBuffer(count * c.patchValues)
        product(
            patches.start, stride: c.patchValues, gradient + c.specialTokens * c.width, stride: c.width,
            model.weights.patchEmbedding.weight, stride: c.patchValues, bTransposed: false, m: count,
            n: c.patchValues, k: c.width)
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

    /// Adds to the gradients of tokens, positions and patch embedding.
    ///
    /// - Parameter input: the patches that the gradient was taken at.
    func parameters(
        _ gradient: UnsafePointer<Float>, input: PatchMatrix, to parameters: ParameterGradients
    ) {
        let d = c.width
        parameters.add(gradient, count: d, to: "cls_token")
        if c.hasDistillationToken { parameters.add(gradient + d, count: d, to: "dist_token") }
        let positioned = c.positionedSpecialTokens * d
        parameters.add(gradient, count: positioned, to: "pos_embed")
        if c.registers > 0 {
            parameters.add(gradient + positioned, count: c.registers * d, to: "register_tokens")
        }
        let patches = gradient + c.specialTokens * d
        addPositions(patches, to: parameters["pos_embed"] + positioned)
        parameters.addLinear(
            "patch_embed.proj", gradient: patches, x: input.values, rows: rows * columns, outputs: d,
            inputs: c.patchValues)
    }

    /// table += Mᵀ · gradient, M being the matrix that interpolates the table to this grid: what
    /// interpolating the identity gives.
    private func addPositions(_ gradient: UnsafePointer<Float>, to table: UnsafeMutablePointer<Float>) {
        let (native, patches, d) = (c.nativeRows * c.nativeColumns, rows * columns, c.width)
        var identity = [Float](repeating: 0, count: native * native)
        for i in 0..<native { identity[i * native + i] = 1 }
        var unitPerEntry = c
        unitPerEntry.width = native
        let interpolation = PositionEmbedding.interpolated(
            identity, configuration: unitPerEntry, rows: rows, columns: columns)
        let transposed = FloatBuffer(native * patches)
        interpolation.withUnsafeBufferPointer { from in
            for patch in 0..<patches {
                for entry in 0..<native {
                    transposed.start[entry * patches + patch] = from[patch * native + entry]
                }
            }
        }
        product(
            table, stride: d, transposed.start, stride: patches, gradient, stride: d, bTransposed: false,
            m: native, n: d, k: patches, beta: 1)
    }
}
