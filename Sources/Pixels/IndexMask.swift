/// Which object each pixel of a picture belongs to, `height × width`, row-major: 0 is the background, and the
/// objects are 1 to 255.
package struct IndexMask: Sendable, Equatable {
    package let height: Int
    package let width: Int
    /// `height * width` object numbers, row-major.
    package var indices: [UInt8]

    /// - Precondition: `indices.count == height * width`.
    package init(height: Int, width: Int, indices: [UInt8]) {
        precondition(indices.count == height * width, "a mask holds height × width indices")
        self.height = height
        self.width = width
        self.indices = indices
    }

    /// A mask of one object, or of the background alone.
    package init(height: Int, width: Int, repeating index: UInt8 = 0) {
        self.init(
            height: height, width: width, indices: [UInt8](repeating: index, count: height * width))
    }

    /// One object where the plane is above 0.
    package init(above zero: Plane) {
        self.init(height: zero.height, width: zero.width, indices: zero.values.map { $0 > 0 ? 1 : 0 })
    }

    package subscript(row: Int, column: Int) -> UInt8 {
        get { indices[row * width + column] }
        set { indices[row * width + column] = newValue }
    }

    /// The objects there are, ascending, without the background.
    package var objects: [UInt8] {
        var isThere = [Bool](repeating: false, count: 256)
        for index in indices { isThere[Int(index)] = true }
        return (1...255).filter { isThere[Int($0)] }
    }
}

extension IndexMask {
    /// The mask in a gray picture, whose levels are the objects' numbers. A picture of black and white alone, 0 and
    /// 255, shows one object, 1.
    ///
    /// - Precondition: `levels.count == height * width`.
    package init(height: Int, width: Int, grayLevels levels: [UInt8]) {
        let isBlackAndWhite = levels.allSatisfy { $0 == 0 || $0 == 255 }
        self.init(
            height: height, width: width, indices: isBlackAndWhite ? levels.map { min($0, 1) } : levels)
    }

    /// The mask in a picture that shows each object in a color of its own. The colors of `DAVISPalette` are the
    /// objects that they stand for there. Others get the lowest numbers that are left, in the order of red, then
    /// green, then blue.
    ///
    /// - Returns: nil for more than 255 objects: the picture is no mask.
    package init?(coloredIn image: RGBImage) {
        func color(at place: Int) -> UInt32 {
            UInt32(image.bytes[place]) << 16 | UInt32(image.bytes[place + 1]) << 8
                | UInt32(image.bytes[place + 2])
        }
        let places = stride(from: 0, to: image.bytes.count, by: 3)
        // More colors than indices, for some colors of the palette have two shades.
        var numbers: [UInt32: UInt8] = [:]
        var others: [UInt32] = []
        var last: UInt32?
        for place in places {
            let color = color(at: place)
            guard color != last else { continue }
            last = color
            guard numbers[color] == nil else { continue }
            numbers[color] = DAVISPalette.index(of: color) ?? 0
            if DAVISPalette.index(of: color) == nil { others.append(color) }
            guard others.count <= 255 else { return nil }
        }
        let taken = Set(numbers.values)
        let free = (UInt8(1)...255).filter { !taken.contains($0) }
        guard others.count <= free.count else { return nil }
        for (color, number) in zip(others.sorted(), free) { numbers[color] = number }
        self.init(
            height: image.height, width: image.width,
            indices: places.map { numbers[color(at: $0)] ?? 0 })
    }
}
