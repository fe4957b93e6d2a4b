import CKernels

/// A model made ready for one way of computing: weights packed for a library and a precision. Made once and
/// shared by all workers.
public final class Engine: Sendable {
    /// Which library computes.
    public enum Library: String, Sendable, CaseIterable {
        /// oneDNN where it is installed, else OpenBLAS.
        case auto
        case oneDNN = "onednn"
        case openBLAS = "openblas"
    }

    public let model: Model
    public let precision: Precision
    /// Such as `oneDNN 2.6.3, bf16`.
    public let description: String
    /// Why another library or precision is used than would be best; nil where nothing stands in the way.
    public let notice: String?

    let embedding: any LinearLayer
    let blocks: [PackedBlock]

    /// - Parameters:
    ///   - precision: nil for bfloat16 where the CPU has it natively and the library computes it, else 32-bit floats.
    /// - Throws: `ModelError.mathLibraryMissing`, `ModelError.precisionUnavailable`, `CheckpointError` where the
    ///   weights cannot be read.
    public init(model: Model, library: Library = .auto, precision: Precision? = .float32) throws {
        self.model = model
        let backend: any Backend
        switch library {
        case .openBLAS: (backend, notice) = (try OpenBLASBackend(), nil)
        case .oneDNN: (backend, notice) = (try OneDNNBackend(), nil)
        case .auto: (backend, notice) = try Engine.best()
        }
        let obstacle = Engine.obstacleToBFloat16(backend: backend, configuration: model.configuration)
        if precision == .bfloat16, let obstacle { throw ModelError.precisionUnavailable(obstacle) }
        let chosen = precision ?? (obstacle == nil ? .bfloat16 : .float32)
        self.precision = chosen
        description = "\(backend.description), \(chosen.rawValue)"

        embedding = try backend.makeLayer(
            model.weights.patchEmbedding, .residual, input: .float32, output: .float32)
        blocks = try (0..<model.configuration.depth).map {
            try PackedBlock(
                $0, of: model, backend: backend, precision: chosen)
        }
    }

    private static func best() throws -> (any Backend, String?) {
        do {
            return (try OneDNNBackend(), nil)
        } catch let missing as ModelError {
            return (try OpenBLASBackend(), "\(missing); computing with OpenBLAS meanwhile")
        }
    }

    private static func obstacleToBFloat16(backend: any Backend, configuration: Configuration) -> String? {
        if !(backend is OneDNNBackend) { return "OpenBLAS computes in fp32 only" }
        if !vv_cpu_has_bfloat16() { return "this CPU does not multiply bfloat16 natively" }
        if configuration.headWidth % 16 != 0 { return "the model's heads are not a multiple of 16 wide" }
        return nil
    }
}

/// One transformer block's weights, packed. LayerScale is folded into the layers it follows.
struct PackedBlock: Sendable {
    let norm1: Norm
    let queryKeyValue: any LinearLayer
    let projection: any LinearLayer
    let norm2: Norm
    let expand: any LinearLayer
    let contract: any LinearLayer
    /// The plain queries', keys' and values' layer, for the attention of a single token and for replaying: few
    /// blocks are asked for it.
    let plainQueryKeyValue: Kept<Linear>

    fileprivate init(_ index: Int, of model: Model, backend: any Backend, precision: Precision) throws {
        let c = model.configuration
        let weights = try model.block(reading: index)
        norm1 = weights.norm1
        norm2 = weights.norm2
        plainQueryKeyValue = Kept { try model.block(reading: index).queryKeyValue }
        queryKeyValue = try backend.makeLayer(
            weights.queryKeyValue, .bias, input: precision, output: precision)
        projection = try backend.makeLayer(
            weights.projection.scaled(by: weights.scale1), .residual, input: precision, output: .float32)
        // SwiGLU's gate is taken in 32-bit floats from the product.
        expand = try backend.makeLayer(
            weights.expand, c.feedForward == .gelu ? .gelu : .bias, input: precision,
            output: c.feedForward == .gelu ? precision : .float32)
        contract = try backend.makeLayer(
            weights.contract.scaled(by: weights.scale2), .residual, input: precision, output: .float32)
    }
}

extension Linear {
    /// The layer followed by a scaling of each output: scale ⊙ (x·Wᵀ + b) = x·(diag(scale)·W)ᵀ + scale ⊙ b.
    fileprivate func scaled(by scale: [Float]?) -> Linear {
        guard let scale else { return self }
        var weight = weight
        weight.withUnsafeMutableBufferPointer { weight in
            for row in 0..<outputs {
                for i in row * inputs..<(row + 1) * inputs { weight[i] *= scale[row] }
            }
        }
        return Linear(
            outputs: outputs, inputs: inputs, weight: weight, bias: zip(bias, scale).map { $0 * $1 })
    }
}
