/// Memory for floats, aligned to whole cache lines; what is in it at first is not defined.
final class FloatBuffer {
    let start: UnsafeMutablePointer<Float>
    let count: Int

    init(_ count: Int) {
        self.count = count
        start = UnsafeMutableRawPointer.allocate(
            byteCount: max(count, 1) * MemoryLayout<Float>.stride, alignment: 64
        ).bindMemory(to: Float.self, capacity: max(count, 1))
    }

    deinit { start.deallocate() }

    func clear() { start.update(repeating: 0, count: count) }
}
