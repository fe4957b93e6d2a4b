import Pixels

/// The pixels of one object as COCO's files hold them: run lengths of the mask read column by column, as `maskApi.c` of
/// the COCO API encodes them.
package struct COCORunLength: Sendable, Equatable {
    /// Column and row of the top left pixel, and the size, in pixels.
    package struct Box: Sendable, Equatable {
        package let x: Int
        package let y: Int
        package let width: Int
        package let height: Int
    }

    /// How many pixels are outside, then inside, then outside again, and so on. The first is 0 where the top left pixel
    /// is inside.
    package let counts: [Int]
    /// Pixels inside.
    package let area: Int
    /// The smallest rectangle that holds them.
    package let box: Box

    /// - Parameters:
    ///   - runs: where the pixels lie, first and one past the last of each run, counted column by column; ascending, not
    ///     empty.
    ///   - height: of the mask.
    ///   - count: pixels of the mask.
    private init(runs: [Range<Int>], height: Int, count: Int) {
        var counts: [Int] = []
        counts.reserveCapacity(2 * runs.count + 1)
        var (end, area, top, bottom) = (0, 0, height, 0)
        for run in runs {
            counts += [run.lowerBound - end, run.count]
            end = run.upperBound
            area += run.count
            let (first, last) = (run.lowerBound, run.upperBound - 1)
            // A run over the end of a column has the lowest row and the highest.
            let isInOneColumn = first / height == last / height
            top = min(top, isInOneColumn ? first % height : 0)
            bottom = max(bottom, isInOneColumn ? last % height : height - 1)
        }
        if end < count { counts.append(count - end) }
        let (left, right) = (runs[0].lowerBound / height, (end - 1) / height)
        self.counts = counts
        self.area = area
        box = Box(x: left, y: top, width: right - left + 1, height: bottom - top + 1)
    }

    /// Every object of a mask, ascending, without the background.
    package static func objects(of mask: IndexMask) -> [(object: UInt8, runs: COCORunLength)] {
        var runs = [[Range<Int>]](repeating: [], count: 256)
        mask.indices.withUnsafeBufferPointer { indices in
            guard var object = indices.first else { return }
            var (start, place) = (0, 0)
            for column in 0..<mask.width {
                var pixel = column
                for _ in 0..<mask.height {
                    if indices[pixel] != object {
                        runs[Int(object)].append(start..<place)
                        (object, start) = (indices[pixel], place)
                    }
                    pixel += mask.width
                    place += 1
                }
            }
            runs[Int(object)].append(start..<place)
        }
        return (1...255).compactMap { object in
            guard !runs[object].isEmpty else { return nil }
            return (
                UInt8(object),
                COCORunLength(runs: runs[object], height: mask.height, count: mask.indices.count)
            )
        }
    }

    /// The counts as text. From the fourth on a count stands as its difference to the one two before. Each number is
    /// cut into groups of five bits from below, with a sixth bit where more follow; the highest group's highest bit is
    /// the sign. 48 is added to a group to make it a character.
    package var text: String {
        var characters: [UInt8] = []
        characters.reserveCapacity(2 * counts.count)
        for (place, count) in counts.enumerated() {
            var rest = place > 2 ? count - counts[place - 2] : count
            var isLast = false
            while !isLast {
                let group = UInt8(rest & 0x1f)
                rest >>= 5
                isLast = rest == (group & 0x10 == 0 ? 0 : -1)
                characters.append(48 + (isLast ? group : group | 0x20))
            }
        }
        return String(decoding: characters, as: UTF8.self)
    }
}
