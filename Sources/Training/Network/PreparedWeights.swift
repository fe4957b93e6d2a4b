import ViT

/// The weights of linear layers as the products of a step take them, in both directions.
///
/// Safe to share: it changes only in `prepare`, between two steps.
final class PreparedWeights: @unchecked Sendable {
    let parameters: UnsafePointer<Float>
    /// What multiplies; nil for OpenBLAS.
    let kernel: ProductKernel?
    /// Layers whose weights are packed, with the places of both packed weights in `packed`.
    private let layers: [(place: ParameterLayout.LinearPlace, forward: Int, backward: Int)]
    /// By the place of the weight among the parameters, an index in `layers`.
    private let indices: [Int: Int]
    private let packed: FloatBuffer

    /// - Parameter kernel: as of `Products`.
    init(_ layout: ParameterLayout, parameters: UnsafePointer<Float>, kernel: ProductKernel?) {
        self.parameters = parameters
        self.kernel = kernel
        var layers: [(place: ParameterLayout.LinearPlace, forward: Int, backward: Int)] = []
        var count = 0
        if let kernel {
            let blocks = layout.blocks.flatMap { [$0.qkv, $0.proj, $0.fc1, $0.fc2] }
            for place in blocks + [layout.patchEmbedding] {
                let forward = count
                count += kernel.packedCount(k: place.inputs, n: place.outputs)
                layers.append((place, forward, count))
                count += kernel.packedCount(k: place.outputs, n: place.inputs)
            }
        }
        self.layers = layers
        indices = Dictionary(uniqueKeysWithValues: layers.indices.map { (layers[$0].place.weight, $0) })
        packed = FloatBuffer(count)
    }

    /// Takes over what the parameters have become.
    func prepare(_ pool: WorkerPool) throws {
        guard let kernel else { return }
        try pool.run(count: layers.count) { index, _ in
            let (place, forward, backward) = layers[index]
            let weight = parameters + place.weight
            kernel.pack(
                packed.start + forward, weight, stride: place.inputs, transposed: true, k: place.inputs,
                n: place.outputs)
            kernel.pack(
                packed.start + backward, weight, stride: place.inputs, transposed: false, k: place.outputs,
                n: place.inputs)
        }
    }

    /// Wᵀ [inputs, outputs], for y = x·Wᵀ.
    func forward(_ place: ParameterLayout.LinearPlace) -> RightFactor {
        guard let kernel, let index = indices[place.weight] else { return forwardTile(place, start: 0) }
        return RightFactor(
            start: UnsafePointer(packed.start) + layers[index].forward, form: .packed(kernel))
    }

    /// W [outputs, inputs], for dx = dy·W.
    func backward(_ place: ParameterLayout.LinearPlace) -> RightFactor {
        guard let kernel, let index = indices[place.weight] else { return backwardTile(place, start: 0) }
        return RightFactor(
            start: UnsafePointer(packed.start) + layers[index].backward, form: .packed(kernel))
    }

    /// The columns of Wᵀ from an output on.
    func forwardTile(_ place: ParameterLayout.LinearPlace, start: Int) -> RightFactor {
        RightFactor(
            start: parameters + place.weight + start * place.inputs,
            form: .plain(stride: place.inputs, transposed: true))
    }

    /// The columns of W from an input on.
    func backwardTile(_ place: ParameterLayout.LinearPlace, start: Int) -> RightFactor {
        RightFactor(
            start: parameters + place.weight + start, form: .plain(stride: place.inputs, transposed: false))
    }
}
