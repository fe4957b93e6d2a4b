/// A `PixelGradient` for each worker: the pictures of a batch are shared among them, one picture a worker at a time.
package final class PixelGradientBatch {
    private let workers: [PixelGradient]
    private let pool: WorkerPool

    /// - Parameter threads: number of workers.
    /// - Throws: as `PixelGradient.init`.
    package init(
        engine: GradientEngine, target: ActivationTarget, rows: Int, columns: Int, threads: Int
    ) throws {
        workers = try (0..<max(threads, 1)).map { _ in
            try PixelGradient(engine: engine, target: target, rows: rows, columns: columns)
        }
        pool = WorkerPool(workers: workers.count)
    }

    /// Calls `body` for each index below `count`, with a gradient that is the call's alone.
    ///
    /// - Throws: as `WorkerPool.run`.
    package func forEach(
        _ count: Int, _ body: (_ index: Int, _ gradient: PixelGradient) throws -> Void
    ) throws {
        try pool.run(count: count) { index, worker in try body(index, workers[worker]) }
    }

    /// The value alone, on the calling thread.
    ///
    /// - Throws: as `PixelGradient.run`.
    package func value(of planes: [Float]) throws -> Float { try workers[0].value(of: planes) }
}
