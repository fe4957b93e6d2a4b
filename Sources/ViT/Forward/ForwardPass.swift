import Base
import CKernels

/// Runs a model over one picture at a time. Each worker owns one; scratch memory is kept between frames of
/// one size.
package final class ForwardPass {
    /// - Parameter head: the head that `.attention` shows, nil for other stages.
    package typealias Observer = (
        _ stage: ForwardStage, _ head: Int?, _ values: UnsafeBufferPointer<Float>
    ) throws -> Void

    private let engine: Engine
    package var model: Model { engine.model }
    private let product: MatrixProduct
    private let workers: WorkerPool
    private let reuse: TokenReuse?
    private(set) var scratch: Scratch

    /// - Parameters:
    ///   - threads: threads that share the work of one picture, the calling one included.
    ///   - reuse: what `run` keeps from one picture to the next; nil for nothing.
    /// - Throws: `VitvideoError.mathLibraryMissing`.
    package init(engine: Engine, threads: Int = 1, reuse: TokenReuse? = nil) throws {
        self.engine = engine
        self.reuse = reuse
        product = try MatrixProduct()
        workers = WorkerPool(workers: threads)
        scratch = Scratch(
            configuration: engine.model.configuration, precision: engine.precision, tokens: 0,
            workers: workers.count)
    }

    /// A pass in 32-bit floats over the best library there is.
    ///
    /// - Throws: `VitvideoError.mathLibraryMissing`.
    package convenience init(model: Model) throws {
        try self.init(engine: try Engine(model: model))
    }

    /// - Parameters:
    ///   - input: normalized patches of one picture.
    ///   - observing: stages that `observer` is called for, in the order of the data flow.
    /// - Throws: `VitvideoError.noSuchBlock`, `VitvideoError.mathLibraryFailed`, `VitvideoError.notFinite`,
    ///   `VitvideoError` where weights are read once more and cannot be, and what the observer throws.
    package func run(
        _ input: PatchMatrix, _ request: ForwardRequest, observing: Set<ForwardStage> = [],
        observer: Observer? = nil
    ) throws -> ForwardResult {
        let c = engine.model.configuration
        try check(request)
        let pass = try begin(input)
        func show(_ stage: ForwardStage) throws {
            if observing.contains(stage) { try observer?(stage, nil, scratch.residualBuffer) }
        }

        try show(.embedding)

        var result = ForwardResult()
        result.neurons = Array(repeating: [], count: request.neurons.count)
        let neuronBlocks = request.neuronBlocks
        let runsToEnd =
            request.wantsTokens || request.wantsLogits || request.classTokenBlocks > 0
            || request.wantsProbeAttention
            || observing.contains { $0 == .norm || $0 == .block(c.depth - 1) }
        let lastBlock = runsToEnd ? c.depth - 1 : lastNeededBlock(request, observing)
        precondition(reuse == nil || neuronBlocks.isEmpty, "neurons are recorded of all tokens")
        let reuse = reuse?.begin(
            pass, rows: input.rows, columns: input.columns, precision: engine.precision)
        for index in 0..<(lastBlock + 1) {
            let block = engine.blocks[index]
            if request.attentionBlocks.contains(index) {
                result.attention[index] = try attention(of: index, pass, request, input)
            }
            let isLast = index == lastBlock && !runsToEnd && !observing.contains(.block(index))
            let isComplete = isLast && !neuronBlocks.contains(index)
            let isObserved =
                observing.contains(.attention(block: index))
                || observing.contains(.queriesKeysValues(block: index))
            if isComplete && !isObserved { break }
            if reuse == nil || isObserved { try pass.projectQKV(block) }
            if isObserved, let observer {
                try showAttention(of: index, pass, observing: observing, observer: observer)
            }
            if isComplete { break }
            if let reuse {
                try reuse.run(block, index, pass)
            } else {
                try pass.attend(index)
                if neuronBlocks.contains(index) {
                    try record(index, of: pass, block, request, isLast: isLast, into: &result)
                } else {
                    try pass.projectAndFeedForward(block)
                }
            }
            try checkResidual("layer \(index)")
            if isLast { break }
            try show(.block(index))
            if index >= c.depth - request.classTokenBlocks { result.classTokens += normalizedClassToken() }
        }
        if let reuse, request.attentionBlocks.count == 1, let shown = result.attention.values.first {
            reuse.weigh(by: shown)
        }
        guard runsToEnd else { return result }
        try finish(request, input, into: &result) { try show(.norm) }
        return result
    }

    // MARK: Parts of a run

    /// - Throws: `VitvideoError` for what the model does not have.
    func check(_ request: ForwardRequest) throws {
        let c = engine.model.configuration
        for block in request.attentionBlocks.union(request.neuronBlocks)
        where !(0..<c.depth).contains(block) {
            throw VitvideoError.noSuchBlock(block, depth: c.depth)
        }
        let units = NeuronAddress.Units.neurons(of: c)
        for neuron in request.neurons where !(0..<units.count).contains(neuron.index) {
            throw VitvideoError.noSuchNeuron(neuron.index, block: neuron.block, units)
        }
        if !c.hasFinalNorm && !c.hasPoolingNorm,
            request.wantsTokens || request.wantsLogits || request.classTokenBlocks > 0
        {
            throw VitvideoError.noFinalNorm(model: model.name)
        }
    }

    /// The steps of a block over buffers for this picture, whose residual stream holds the embedding.
    func begin(_ input: PatchMatrix) throws -> BlockPass {
        let c = engine.model.configuration
        let tokens = c.specialTokens + input.rows * input.columns
        if scratch.tokens != tokens {
            scratch = Scratch(
                configuration: c, precision: engine.precision, tokens: tokens, workers: workers.count)
        }
        try embed(input)
        try checkResidual("the embedding")
        return BlockPass(
            engine: engine, product: product, scratch: scratch, workers: workers,
            positions: model.attentionPositions(rows: input.rows, columns: input.columns))
    }

    func block(_ index: Int) -> PackedBlock { engine.blocks[index] }

    func checkResidual(_ place: String) throws {
        try FiniteValues.check(
            UnsafePointer(scratch.residual), count: scratch.residualBuffer.count, in: place)
    }

    /// What the request's query attends to in a block, whose input the residual stream holds.
    func attention(
        of index: Int, _ pass: BlockPass, _ request: ForwardRequest, _ input: PatchMatrix
    ) throws -> TokenAttention {
        TokenAttention(
            heads: model.configuration.heads, rows: input.rows, columns: input.columns,
            values: try pass.attention(
                from: request.query ?? model.configuration.standardQuery, engine.blocks[index], index: index))
    }

    /// The final LayerNorm, in place, and what is wanted of its output.
    ///
    /// - Parameter normalized: called when the residual stream holds that.
    func finish(
        _ request: ForwardRequest, _ input: PatchMatrix, into result: inout ForwardResult,
        normalized: () throws -> Void = {}
    ) throws {
        let c = engine.model.configuration
        let tokens = scratch.tokens
        model.normalize(scratch.residual, into: scratch.residual, rows: tokens)
        try checkResidual("the final norm")
        try normalized()
        if request.wantsTokens { result.tokens = [Float](scratch.residualBuffer) }
        let normalized = NormalizedTokens(
            model: model, start: scratch.residual, count: tokens, product: product)
        if request.wantsLogits {
            result.logits = logits(normalized)
            try FiniteValues.check(result.logits, in: "the classifier")
        }
        if request.wantsProbeAttention, c.pooling == .attentionProbe {
            result.probeAttention = TokenAttention(
                heads: c.heads, rows: input.rows, columns: input.columns,
                values: normalized.attentionProbe().run(normalized).attention)
        }
    }

    /// What comes before a block's attention, for replaying it.
    ///
    /// - Throws: `VitvideoError` where the weights cannot be read.
    func attentionInput(of block: Int) throws -> AttentionInput { try engine.blocks[block].attentionInput() }

    /// The last block that anything depends on when the pass need not reach the end; −1 for none.
    private func lastNeededBlock(_ request: ForwardRequest, _ observing: Set<ForwardStage>) -> Int {
        let observed = observing.compactMap { stage -> Int? in
            switch stage {
            case .attention(let block), .queriesKeysValues(let block), .block(let block): block
            case .embedding, .norm: nil
            }
        }
        return (observed + request.attentionBlocks + request.neuronBlocks).max() ?? -1
    }

    /// Ends a block, and keeps what is wanted of its neurons.
    private func record(
        _ index: Int, of pass: BlockPass, _ block: PackedBlock, _ request: ForwardRequest, isLast: Bool,
        into result: inout ForwardResult
    ) throws {
        let places = request.neurons.indices.filter { request.neurons[$0].block == index }
        let recorder = NeuronRecorder(
            places.map { request.neurons[$0].index },
            wantsMoments: request.neuronMomentBlocks.contains(index),
            configuration: engine.model.configuration, tokens: scratch.tokens,
            storage: engine.precision.storage)
        try pass.projectAndFeedForward(block, recorder: recorder, isLast: isLast)
        for (place, values) in zip(places, recorder.maps()) { result.neurons[place] = values }
        result.neuronMoments[index] = recorder.moments()
    }

    private func showAttention(
        of index: Int, _ pass: BlockPass, observing: Set<ForwardStage>, observer: Observer
    ) throws {
        var values = pass.qkv()
        if observing.contains(.queriesKeysValues(block: index)) {
            try values.withUnsafeBufferPointer { try observer(.queriesKeysValues(block: index), nil, $0) }
        }
        guard observing.contains(.attention(block: index)) else { return }
        let c = engine.model.configuration
        let (tokens, matrix) = (scratch.tokens, scratch.attentionMatrix())
        try values.withUnsafeMutableBufferPointer { values in
            guard let start = values.baseAddress else { return }
            let qkv = QKV(
                start: start, tokens: tokens, width: c.width, headWidth: c.headWidth,
                bias: pass.positions.bias(ofBlock: index))
            for head in 0..<c.heads {
                qkv.attention(head: head, firstRow: 0, rows: tokens, into: matrix, product)
                try FiniteValues.check(
                    UnsafePointer(matrix), count: tokens * tokens, in: "the attention of layer \(index)")
                try observer(
                    .attention(block: index), head,
                    UnsafeBufferPointer(start: matrix, count: tokens * tokens))
            }
        }
    }

    /// The residual stream at the start. The patch embedding accumulates onto the positions.
    private func embed(_ input: PatchMatrix) throws {
        let c = engine.model.configuration
        let embedding = Embedding(model: model, rows: input.rows, columns: input.columns)
        let count = input.rows * input.columns
        try embedding.run(into: scratch.residual) { patches, positions in
            if let positions {
                patches.update(from: positions, count: positions.count)
            } else {
                patches.update(repeating: 0, count: count * c.width)
            }
            let tiles = (count + Scratch.rowTile - 1) / Scratch.rowTile
            try input.values.withUnsafeBufferPointer { values in
                try workers.run(count: tiles) { tile, worker in
                    let start = tile * Scratch.rowTile
                    try engine.embedding.apply(
                        rows: min(Scratch.rowTile, count - start),
                        input: values.baseAddress! + start * c.patchValues,
                        output: patches + start * c.width, scratch: scratch.workers[worker].product)
                }
            }
        }
        embedding.normalize(scratch.residual, into: scratch.residual)
    }

    /// The class token as it is now, after the final LayerNorm.
    func normalizedClassToken() -> [Float] {
        var token = [Float](repeating: 0, count: model.configuration.width)
        model.normalize(scratch.residual, into: &token, rows: 1)
        return token
    }

    /// One logit per class; empty for a model without a head.
    private func logits(_ tokens: NormalizedTokens) -> [Float] {
        guard let classifier = OwnClassifier(of: model) else { return [] }
        return classifier.logits(tokens) { layer, x in
            var values = layer.bias
            product(
                &values, stride: layer.outputs, x, stride: layer.inputs, layer.weight, stride: layer.inputs,
                bTransposed: true, m: 1, n: layer.outputs, k: layer.inputs, beta: 1)
            return values
        }
    }
}
