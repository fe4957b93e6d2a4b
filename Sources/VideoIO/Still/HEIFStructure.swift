/// The boxes of an AVIF or HEIC file that say how its picture is turned.
///
/// ISO/IEC 23008-12, "HEIF": the primary item's properties `irot` and `imir`, applied in the order in which they
/// are associated. What Exif data says about the orientation does not count.
struct HEIFStructure {
    private struct Box {
        let start: Int
        let end: Int
    }

    private let file: FileBytes

    /// - Parameter bytes: the whole file; must outlive this value.
    init(_ bytes: UnsafeRawBufferPointer) { file = FileBytes(bytes) }

    /// How the primary picture is turned.
    var orientation: Orientation? {
        // Behind a version and flags.
        guard let meta = box("meta", in: Box(start: 0, end: file.count)),
            let properties = box("iprp", in: Box(start: meta.start + 4, end: meta.end)),
            let container = box("ipco", in: properties), let associations = box("ipma", in: properties),
            let primary = box("pitm", in: Box(start: meta.start + 4, end: meta.end)),
            let version = file.number(at: primary.start, size: 1),
            let item = file.number(at: primary.start + 4, size: version == 0 ? 2 : 4)
        else { return nil }
        var orientation = Orientation.upright
        let list = boxes(in: container)
        for number in self.associations(of: item, in: associations) where list.indices.contains(number - 1) {
            let property = list[number - 1]
            guard let value = file.number(at: property.start, size: 1) else { continue }
            if file.has("irot", at: property.start - 4) {
                // Quarter turns against the clock.
                for _ in 0..<(value & 3) { orientation = orientation.turnedLeft }
            } else if file.has("imir", at: property.start - 4) {
                // 0 exchanges top and bottom, 1 left and right.
                if value & 1 == 0 {
                    orientation.mirrorsRows.toggle()
                } else {
                    orientation.mirrorsColumns.toggle()
                }
            }
        }
        return orientation
    }

    /// Numbers, from 1, of the properties of an item.
    private func associations(of item: Int, in box: Box) -> [Int] {
        guard let version = file.number(at: box.start, size: 1),
            let flags = file.number(at: box.start + 1, size: 3),
            let entries = file.number(at: box.start + 4, size: 4)
        else { return [] }
        var place = box.start + 8
        let (nameSize, numberSize) = (version < 1 ? 2 : 4, flags & 1 == 0 ? 1 : 2)
        for _ in 0..<entries where place < box.end {
            guard let name = file.number(at: place, size: nameSize),
                let count = file.number(at: place + nameSize, size: 1)
            else { return [] }
            place += nameSize + 1
            if name == item {
                // The highest bit says that the property is essential.
                let mask = numberSize == 1 ? 0x7f : 0x7fff
                return (0..<count).compactMap {
                    file.number(at: place + $0 * numberSize, size: numberSize).map { $0 & mask }
                }
            }
            place += count * numberSize
        }
        return []
    }

    private func box(_ name: StaticString, in outer: Box) -> Box? {
        boxes(in: outer).first { file.has(name, at: $0.start - 4) }
    }

    /// What the boxes one after the other in a part of the file hold, each behind its name of four letters.
    private func boxes(in outer: Box) -> [Box] {
        var boxes: [Box] = []
        var place = outer.start
        while place < outer.end, boxes.count < 10_000, let short = file.number(at: place, size: 4) {
            // 1 announces a longer number behind the name, 0 a box to the end.
            let isLong = short == 1
            guard let long = isLong ? file.number(at: place + 8, size: 8) : short else { break }
            let size = short == 0 ? outer.end - place : long
            guard size >= 8, size <= outer.end - place else { break }
            // Only the pixels' own data need the longer number.
            if !isLong { boxes.append(Box(start: place + 8, end: place + size)) }
            place += size
        }
        return boxes
    }
}
