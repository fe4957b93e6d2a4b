import Base
import CKernels

/// A model made ready for one way of computing: weights packed for a library and a precision. Made once and
/// shared by all workers.
package final class Engine: Sendable {
    /// Which library computes.
    package enum Library: String, Sendable, CaseIterable {
        /// oneDNN where it is installed, else OpenBLAS.
        case auto
        case oneDNN = "onednn"
        case openBLAS = "openblas"
    }

    package let model: Model
    package let precision: Precision
    /// Such as `oneDNN 2.6.3, bf16`.
    package let description: String
    /// Why another library or precision is used than would be best; nil where nothing stands in the way.
    package let notice: String?

    let embedding: any LinearLayer
    let blocks: [PackedBlock]

    /// - Parameters:
    ///   - precision: nil for bfloat16 where the CPU has it natively and the library computes it, else 32-bit floats.
    /// - Throws: `ModelError.mathLibraryMissing`, `ModelError.precisionUnavailable`, `CheckpointError` where the
    ///   weights cannot be read.
    package init(model: Model, library: Library = .auto, precision: Precision? = .float32) throws {
        self.model = model
        let backend: any Backend
        switch library {
        case .openBLAS: (backend, notice) = (try OpenBLASBackend(), nil)
        case .oneDNN: (backend, notice) = (try OneDNNBackend(), nil)
        case .auto: (backend, notice) = try Engine.best()
        }
        func obstacle(to precision: Precision) -> String? {
            Engine.obstacle(to: precision, backend: backend, configuration: model.configuration)
        }
        if let precision, let obstacle = obstacle(to: precision) {
            throw ModelError.precisionUnavailable(precision.rawValue, obstacle)
        }
        let chosen = precision ?? (obstacle(to: .bfloat16) == nil ? .bfloat16 : .float32)
        self.precision = chosen
        description = "\(backend.description), \(chosen.rawValue)"

        embedding = try backend.makeLayer(
            model.weights.patchEmbedding, .residual, .float32, output: .float32)
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

    /// What stands in the way of a precision; nil where nothing does.
    private static func obstacle(
        to precision: Precision, backend: any Backend, configuration: Configuration
    ) -> String? {
        if precision == .float32 { return nil }
        if !(backend is OneDNNBackend) { return "OpenBLAS computes in fp32 only" }
        if precision == .bfloat16, !vv_cpu_has_bfloat16() {
            return "this CPU does not multiply bfloat16 natively"
        }
        if precision == .int8, !vv_cpu_has_int8() {
            return "this CPU does not multiply both bfloat16 and 8-bit integers natively"
        }
        if configuration.headWidth % 16 != 0 { return "the model's heads are not a multiple of 16 wide" }
        return nil
    }
}

/// One transformer block's weights, packed. LayerScale is folded into the layers it follows.
struct PackedBlock: Sendable {
    /// Before the queries', keys' and values' layer; in 8-bit integers smoothed with it.
    let norm1: Norm
    let queryKeyValue: any LinearLayer
    let projection: any LinearLayer
    /// Before `expand`, and smoothed with it likewise.
    let norm2: Norm
    let expand: any LinearLayer
    let contract: any LinearLayer
    /// The plain way to queries, keys and values, for the attention of a single token and for replaying: few blocks
    /// are asked for it.
    let plainAttention: Lazy<AttentionInput>

    /// What stands before attention, in 32-bit floats.
    struct AttentionInput: Sendable {
        let norm: Norm
        let queryKeyValue: Linear
    }

    fileprivate init(_ index: Int, of model: Model, backend: any Backend, precision: Precision) throws {
        let c = model.configuration
        let storage = precision.storage
        let weights = try model.block(reading: index)
        plainAttention = Lazy {
            let weights = try model.block(reading: index)
            return AttentionInput(norm: weights.norm1, queryKeyValue: weights.queryKeyValue)
        }
        let evensOut = precision == .int8
        let attention = (weights.norm1, weights.queryKeyValue)
        let feedForward = (weights.norm2, weights.expand)
        let (norm1, first) = evensOut ? smoothed(attention.0, attention.1) : attention
        let (norm2, expand) = evensOut ? smoothed(feedForward.0, feedForward.1) : feedForward
        self.norm1 = norm1
        self.norm2 = norm2
        queryKeyValue = try backend.makeLayer(first, .bias, precision, output: storage)
        projection = try backend.makeLayer(
            weights.projection.scaled(by: weights.scale1), .residual, precision, output: .float32)
        // SwiGLU's gate is taken in 32-bit floats from the product.
        self.expand = try backend.makeLayer(
            expand, c.feedForward == .gelu ? .gelu : .bias, precision,
            output: c.feedForward == .gelu ? storage : .float32)
        contract = try backend.makeLayer(
            weights.contract.scaled(by: weights.scale2), .residual, precision, output: .float32)
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
