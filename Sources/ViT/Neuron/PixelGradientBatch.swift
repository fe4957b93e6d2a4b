/// A differentiator for each worker: the pictures of a batch are shared among them, one picture a worker at a time.
package final class PixelGradientBatch {
    private let workers: [any PixelDifferentiator]
    private let pool: WorkerPool

    /// - Parameters:
    ///   - threads: number of workers.
    ///   - make: makes a worker's.
    /// - Throws: what `make` throws.
    package init(threads: Int, _ make: () throws -> any PixelDifferentiator) throws {
        workers = try (0..<max(threads, 1)).map { _ in try make() }
        pool = WorkerPool(workers: workers.count)
    }

    /// Calls `body` for each index below `count`, with a gradient that is the call's alone.
    ///
    /// - Throws: as `WorkerPool.run`.
    package func forEach(
        _ count: Int, _ body: (_ index: Int, _ gradient: any PixelDifferentiator) throws -> Void
    ) throws {
        try pool.run(count: count) { index, worker in try body(index, workers[worker]) }
    }

    /// The value alone, on the calling thread.
    ///
    /// - Throws: as `PixelGradient.run`.
    package func value(of planes: [Float]) throws -> Float { try workers[0].value(of: planes) }
}
