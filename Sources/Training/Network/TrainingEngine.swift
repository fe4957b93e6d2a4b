import Base
import CKernels
import Datasets
import Files
import ViT

/// A model that is trained: its parameters, and the forward and backward pass of batches on a pool of workers.
///
/// A batch is cut into groups of a few pictures whose values stay in cache. What a batch gives does not depend on the
/// number of workers: groups are shared out to a fixed number of lanes, each lane adds the gradients of its groups in
/// order, and the lanes are summed in order.
///
/// It belongs to one thread, which its workers help.
package final class TrainingEngine {
    package let shape: TrainedShape
    package let layout: ParameterLayout
    /// Of the factors of products; all else is in 32-bit floats.
    package let precision: Precision
    /// `layout.count`.
    package let parameters: FloatBuffer
    /// Of the last batch, `layout.count`.
    package let gradients: FloatBuffer
    let pool: WorkerPool

    let weights: PreparedWeights
    let passes: [TrunkPass]
    /// One a worker.
    let records: [GroupRecord]
    /// One a worker, for pictures whose classifier is computed with their group; empty where it is computed of a whole
    /// batch.
    private let groupHeads: [HeadPass]
    private var laneGradients: [FloatBuffer] = []
    /// Of a whole batch, made when one of that size comes.
    private var batchRecords: [GroupRecord] = []
    private var batchHead: (pass: HeadPass, pictures: Int)?

    /// Rows of a group, about: few enough that a block's values stay in the second-level cache, and enough for products.
    private static let groupRows = 192
    private static let mostLanes = 32
    /// Groups of a batch at least, where it has the pictures.
    private static let leastGroups = 16

    /// - Parameters:
    ///   - threads: workers, at least 1.
    ///   - precision: 32-bit floats or bfloat16.
    /// - Throws: `VitvideoError` of kind `usage` where the shape cannot be computed, `VitvideoError.mathLibraryMissing`.
    package convenience init(_ shape: TrainedShape, threads: Int, precision: Precision = .float32) throws {
        try self.init(shape, threads: threads, kernel: .fastest(precision))
    }

    /// The precision asked for; without one bfloat16 where the CPU has it natively, else 32-bit floats.
    ///
    /// - Throws: `VitvideoError.precisionUnavailable`.
    package static func choosePrecision(_ precision: Precision?) throws -> Precision {
        try Engine.choose(precision) {
            $0 == .int8 ? "models are trained in fp32 or bf16" : Engine.obstacle(to: $0)
        }
    }

    /// - Parameter kernel: what multiplies; nil for OpenBLAS.
    init(_ shape: TrainedShape, threads: Int, kernel: ProductKernel?) throws {
        self.shape = try shape.checked()
        let layout = ParameterLayout(shape)
        self.layout = layout
        precision = kernel == .bfloat16 ? .bfloat16 : .float32
        parameters = FloatBuffer(layout.count)
        parameters.clear()
        gradients = FloatBuffer(layout.count)
        gradients.clear()
        pool = WorkerPool(workers: threads)
        let weights = PreparedWeights(
            layout, parameters: UnsafePointer(parameters.start), kernel: kernel)
        self.weights = weights
        let capacity = Self.capacity(shape)
        passes = try (0..<pool.count).map { _ in
            try TrunkPass(layout, weights: weights, capacity: capacity)
        }
        records = (0..<pool.count).map { _ in GroupRecord(shape, capacity: capacity) }
        groupHeads =
            shape.readsWholeBatch
            ? [] : (0..<pool.count).map { _ in HeadPass(layout, weights: weights, pictures: capacity) }
    }

    // MARK: Groups

    /// Pictures of a group at most.
    private static func capacity(_ shape: TrainedShape) -> Int { max(1, groupRows / shape.tokens) }

    /// A batch's groups and lanes: a function of shape and size alone.
    struct Plan {
        let pictures: Int
        let groupSize: Int
        let lanes: Int

        init(_ shape: TrainedShape, pictures: Int) {
            self.pictures = pictures
            groupSize = max(1, min(TrainingEngine.capacity(shape), pictures / TrainingEngine.leastGroups))
            lanes = min(TrainingEngine.mostLanes, (pictures + groupSize - 1) / groupSize)
        }

        var groups: Int { (pictures + groupSize - 1) / groupSize }

        func group(_ index: Int, _ dropout: Dropout) -> TrunkPass.Group {
            let first = index * groupSize
            return TrunkPass.Group(first: first, count: min(groupSize, pictures - first), dropout: dropout)
        }
    }

    /// Bytes that training takes in batches of so many pictures, the optimizer's moments included.
    package static func byteCount(_ shape: TrainedShape, batch: Int, threads: Int) -> Int {
        let layout = ParameterLayout(shape)
        let plan = Plan(shape, pictures: batch)
        let laneValues = shape.readsWholeBatch ? layout.trunkCount : layout.count
        let records = shape.readsWholeBatch ? plan.groups : 0
        let head = 2 * batch * (shape.featureWidth + 2 * shape.headHidden.reduce(0, +))
        return 4 * (6 * layout.count + plan.lanes * laneValues + head)
            + records * GroupRecord.byteCount(shape, capacity: plan.groupSize)
            + 2 * threads * GroupRecord.byteCount(shape, capacity: capacity(shape))
    }

    // MARK: Training

    /// Computes loss and gradients of a batch; the loss is the mean of its pictures'.
    ///
    /// - Parameter step: for the dropout's masks.
    /// - Throws: `VitvideoError` where the batch does not fit the model, `Cancellation.Cancelled`.
    package func computeGradients(
        of batch: TrainingBatch, loss: CrossEntropy, dropout rates: DropoutRates = DropoutRates(),
        seed: UInt64 = 0, step: Int = 0
    ) throws -> Measures {
        try check(batch)
        let plan = Plan(shape, pictures: batch.count)
        let dropout = Dropout(rates: rates, depth: shape.depth, seed: seed, step: step)
        try weights.prepare(pool)
        prepareLanes(plan)
        let measures =
            shape.readsWholeBatch
            ? try throughWholeBatch(batch, plan, loss, dropout)
            : try throughGroups(batch, plan, loss, dropout)
        try sumLanes(plan.lanes)
        return measures
    }

    /// Forward and backward, group by group.
    private func throughGroups(
        _ batch: TrainingBatch, _ plan: Plan, _ loss: CrossEntropy, _ dropout: Dropout
    ) throws -> Measures {
        let sums = Mutex([Measures](repeating: Measures(), count: plan.groups))
        let lanes = laneGradients
        try batch.pixels.withUnsafeBufferPointer { pixels in
            try pool.run(count: plan.lanes) { lane, worker in
                let (pass, record, head) = (passes[worker], records[worker], groupHeads[worker])
                for index in stride(from: lane, to: plan.groups, by: plan.lanes) {
                    let group = plan.group(index, dropout)
                    try pass.forward(
                        group, pixels: pixels.baseAddress! + group.first * shape.pictureValues,
                        record: record,
                        features: head.features)
                    let tiles = Self.serialTiles(pass.products)
                    try head.forward(pictures: group.count, first: group.first, dropout: dropout, tiles)
                    let measured = measure(head, batch, group.first, group.count, loss)
                    try head.backward(
                        pictures: group.count, first: group.first, dropout: dropout,
                        gradients: lanes[lane].start, tiles)
                    try pass.backward(
                        group, record: record, featureGradient: head.featureGradient,
                        gradients: lanes[lane].start)
                    sums.withLock { $0[index] = measured }
                }
            }
        }
        return sums.withLock { $0.reduce(into: Measures()) { $0 += $1 } }
    }

    /// All groups forward, the classifier's layers of the whole batch, all groups backward: those layers read so many
    /// values that their weights would be fetched again for every group.
    private func throughWholeBatch(
        _ batch: TrainingBatch, _ plan: Plan, _ loss: CrossEntropy, _ dropout: Dropout
    ) throws -> Measures {
        let head = wholeHead(pictures: batch.count)
        if let first = batchRecords.first, first.capacity < plan.groupSize { batchRecords = [] }
        while batchRecords.count < plan.groups {
            batchRecords.append(GroupRecord(shape, capacity: plan.groupSize))
        }
        let (kept, lanes, width) = (batchRecords, laneGradients, shape.featureWidth)
        try batch.pixels.withUnsafeBufferPointer { pixels in
            try pool.run(count: plan.groups) { index, worker in
                let group = plan.group(index, dropout)
                try passes[worker].forward(
                    group, pixels: pixels.baseAddress! + group.first * shape.pictureValues,
                    record: kept[index], features: head.features + group.first * width)
            }
        }
        try head.forward(pictures: batch.count, first: 0, dropout: dropout, sharedTiles)
        let measures = measure(head, batch, 0, batch.count, loss)
        try head.backward(
            pictures: batch.count, first: 0, dropout: dropout, gradients: gradients.start, sharedTiles)
        try pool.run(count: plan.lanes) { lane, worker in
            for index in stride(from: lane, to: plan.groups, by: plan.lanes) {
                let group = plan.group(index, dropout)
                try passes[worker].backward(
                    group, record: kept[index], featureGradient: head.featureGradient + group.first * width,
                    gradients: lanes[lane].start)
            }
        }
        return measures
    }

    // MARK: Parts

    /// - Throws: `VitvideoError` of kind `badData`.
    func check(_ batch: TrainingBatch) throws {
        guard batch.side == shape.side, batch.count > 0,
            batch.pixels.count == batch.count * shape.pictureValues, batch.labels.count == batch.count
        else {
            throw VitvideoError(
                .usage,
                reason:
                    "a batch has \(batch.count) pictures of \(batch.side) pixels where the model takes pictures "
                    + "of \(shape.side)")
        }
        if let mixture = batch.mixture {
            precondition(
                mixture.labels.count == batch.count && mixture.shares.count == batch.count,
                "each picture of a mixed batch has a second class and a share")
        }
        let labels = batch.labels + (batch.mixture?.labels ?? [])
        if let label = labels.first(where: { !(0..<shape.classes).contains(Int($0)) }) {
            throw VitvideoError.badData(
                "a picture is of class \(label) where the model has classes 0 to \(shape.classes - 1)")
        }
    }

    func measure(
        _ head: HeadPass, _ batch: TrainingBatch, _ first: Int, _ count: Int, _ loss: CrossEntropy
    ) -> Measures {
        let classes = shape.classes
        var measures = Measures()
        for index in 0..<count {
            let logits = head.logits.start + index * classes
            let value = loss(
                logits: logits, classes: classes, of: batch, picture: first + index,
                gradient: head.logitGradient.start + index * classes, scale: 1 / Float(batch.count))
            measures.add(
                loss: value, logits: logits, classes: classes, label: Int(batch.labels[first + index]))
        }
        return measures
    }

    func wholeHead(pictures: Int) -> HeadPass {
        if let batchHead, batchHead.pictures >= pictures { return batchHead.pass }
        let head = HeadPass(layout, weights: weights, pictures: pictures)
        batchHead = (head, pictures)
        return head
    }

    private static func serialTiles(_ products: Products) -> HeadPass.Tiles {
        { count, body in for tile in 0..<count { body(tile, products) } }
    }

    var sharedTiles: HeadPass.Tiles {
        { [pool, passes] count, body in
            try pool.run(count: count) { tile, worker in body(tile, passes[worker].products) }
        }
    }

    // MARK: Lanes

    private func prepareLanes(_ plan: Plan) {
        let count = shape.readsWholeBatch ? layout.trunkCount : layout.count
        while laneGradients.count < plan.lanes { laneGradients.append(FloatBuffer(count)) }
        for lane in laneGradients.prefix(plan.lanes) { lane.clear() }
        gradients.clear()
    }

    /// gradients += Σ lanes, in order.
    private func sumLanes(_ count: Int) throws {
        let lanes = laneGradients.prefix(count)
        try pool.inPieces(of: lanes.first?.count ?? 0) { range in
            for lane in lanes {
                vv_add(gradients.start + range.lowerBound, lane.start + range.lowerBound, range.count)
            }
        }
    }
}

extension TrainedShape {
    /// Values of a picture.
    package var pictureValues: Int { 3 * side * side }

    /// Whether the classifier's layers are computed of a whole batch at once.
    var readsWholeBatch: Bool { !headHidden.isEmpty || featureWidth > 4 * width }
}
