import Base
import ViT

extension WorkerPool {
    /// Calls `body` for pieces of so many values, on whichever worker is free.
    func inPieces(of count: Int, _ body: (Range<Int>) -> Void) throws {
        let piece = 1 << 16
        try run(count: (count + piece - 1) / piece) { index, _ in
            body(index * piece..<min(count, (index + 1) * piece))
        }
    }

    /// Calls `body` for each index below `count` on whichever worker is free, whether or not the work is to be given up
    /// meanwhile: what it changes must not stay half changed.
    func runWhole(count: Int, _ body: (Int) -> Void) {
        Cancellation.asking({ false }) {
            // Nothing that it calls throws.
            try? run(count: count) { index, _ in body(index) }
        }
    }
}
