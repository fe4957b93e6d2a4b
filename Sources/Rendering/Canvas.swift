import Base
import CCairo
import Glibc
import Pixels

/// A surface to draw captions and figures on, over one Cairo surface and its context.
///
/// Coordinates are pixels (points in SVG) from the top left corner, x to the right and y down. Cairo keeps the
/// first error of a context and ignores what follows, so drawing does not throw: `image()` and `svg()` do.
/// A canvas is used by one thread at a time, hence not `Sendable`.
package final class Canvas {
    package let height: Int
    package let width: Int
    private let surface: OpaquePointer
    private let context: OpaquePointer
    /// Where the SVG goes; `nil` for a canvas of pixels.
    private let sink: ByteSink?

    private init(height: Int, width: Int, surface: OpaquePointer, sink: ByteSink?) throws {
        guard let context = cairo_create(surface) else {
            cairo_surface_destroy(surface)
            throw VitvideoError(
                .software, cannot: "draw \(width)×\(height)", reason: "cairo_create gave no context")
        }
        self.height = height
        self.width = width
        self.surface = surface
        self.context = context
        self.sink = sink
        let options = cairo_font_options_create()
        cairo_font_options_set_antialias(options, CAIRO_ANTIALIAS_GRAY)
        cairo_font_options_set_hint_style(options, CAIRO_HINT_STYLE_SLIGHT)
        cairo_font_options_set_hint_metrics(options, CAIRO_HINT_METRICS_OFF)
        cairo_set_font_options(context, options)
        cairo_font_options_destroy(options)
        try check("create a drawing")
    }

    deinit {
        cairo_destroy(context)
        // An SVG surface writes its end when destroyed, so the sink must live until here.
        withExtendedLifetime(sink) { cairo_surface_destroy(surface) }
    }

    /// A canvas of pixels, all in one color.
    ///
    /// - Throws: `VitvideoError` of kind `software`, for instance for a side above 32767.
    package static func pixels(height: Int, width: Int, background: CanvasColor = .white) throws -> Canvas {
        guard let surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, Int32(width), Int32(height)) else {
            throw VitvideoError(
                .software, cannot: "draw \(width)×\(height)", reason: "cairo gave no surface")
        }
        let canvas = try Canvas(height: height, width: width, surface: surface, sink: nil)
        canvas.fill(x: 0, y: 0, width: Double(width), height: Double(height), background)
        return canvas
    }

    /// A canvas of shapes, which `svg()` writes as a document; text becomes outlines, so it needs no font there.
    ///
    /// - Throws: `VitvideoError` of kind `software`.
    package static func svg(height: Int, width: Int, background: CanvasColor = .white) throws -> Canvas {
        let sink = ByteSink()
        let surface = cairo_svg_surface_create_for_stream(
            { sink, bytes, count in
                guard let sink, let bytes else { return CAIRO_STATUS_WRITE_ERROR }
                Unmanaged<ByteSink>.fromOpaque(sink).takeUnretainedValue().bytes
                    .append(contentsOf: UnsafeBufferPointer(start: bytes, count: Int(count)))
                return CAIRO_STATUS_SUCCESS
            }, Unmanaged.passUnretained(sink).toOpaque(), Double(width), Double(height))
        guard let surface else {
            throw VitvideoError(
                .software, cannot: "draw \(width)×\(height)", reason: "cairo gave no SVG surface")
        }
        let canvas = try Canvas(height: height, width: width, surface: surface, sink: sink)
        canvas.fill(x: 0, y: 0, width: Double(width), height: Double(height), background)
        return canvas
    }

    // MARK: Shapes

    package func fill(x: Double, y: Double, width: Double, height: Double, _ color: CanvasColor) {
        use(color)
        cairo_rectangle(context, x, y, width, height)
        cairo_fill(context)
    }

    /// The outline of a rectangle, the line centerd on its border.
    package func stroke(
        x: Double, y: Double, width: Double, height: Double, _ color: CanvasColor, lineWidth: Double = 1
    ) {
        use(color)
        cairo_set_line_width(context, lineWidth)
        cairo_rectangle(context, x, y, width, height)
        cairo_stroke(context)
    }

    /// A line through the points in order. `dashes` are lengths of ink and gap in turn.
    package func line(
        through points: [(x: Double, y: Double)], _ color: CanvasColor, lineWidth: Double = 1,
        dashes: [Double] = []
    ) {
        guard let start = points.first else { return }
        use(color)
        cairo_set_line_width(context, lineWidth)
        cairo_set_line_join(context, CAIRO_LINE_JOIN_ROUND)
        cairo_set_dash(context, dashes, Int32(dashes.count), 0)
        cairo_move_to(context, start.x, start.y)
        for point in points.dropFirst() { cairo_line_to(context, point.x, point.y) }
        cairo_stroke(context)
        cairo_set_dash(context, nil, 0, 0)
    }

    /// A filled disc at each of the points.
    package func discs(at points: [(x: Double, y: Double)], radius: Double, _ color: CanvasColor) {
        use(color)
        for point in points {
            cairo_new_sub_path(context)
            cairo_arc(context, point.x, point.y, radius, 0, 2 * Double.pi)
            cairo_fill(context)
        }
    }

    /// A picture, stretched over the rectangle; `smooth` interpolates, else its pixels stay squares.
    package func draw(
        _ image: RGBImage, x: Double, y: Double, width: Double, height: Double, smooth: Bool = true
    ) {
        guard image.height > 0, image.width > 0 else { return }
        guard
            let picture = cairo_image_surface_create(
                CAIRO_FORMAT_RGB24, Int32(image.width), Int32(image.height))
        else { return }
        defer { cairo_surface_destroy(picture) }
        guard let data = cairo_image_surface_get_data(picture) else { return }
        let stride = Int(cairo_image_surface_get_stride(picture))
        image.bytes.withUnsafeBufferPointer { bytes in
            for row in 0..<image.height {
                let out = UnsafeMutableRawPointer(data + row * stride).assumingMemoryBound(to: UInt32.self)
                let source = bytes.baseAddress! + row * image.width * 3
                for column in 0..<image.width {
                    out[column] =
                        UInt32(source[column * 3]) << 16 | UInt32(source[column * 3 + 1]) << 8
                        | UInt32(source[column * 3 + 2])
                }
            }
        }
        cairo_surface_mark_dirty(picture)
        cairo_save(context)
        cairo_translate(context, x, y)
        cairo_scale(context, width / Double(image.width), height / Double(image.height))
        cairo_set_source_surface(context, picture, 0, 0)
        let pattern = cairo_get_source(context)
        cairo_pattern_set_filter(pattern, smooth ? CAIRO_FILTER_GOOD : CAIRO_FILTER_NEAREST)
        cairo_pattern_set_extend(pattern, CAIRO_EXTEND_PAD)
        cairo_rectangle(context, 0, 0, Double(image.width), Double(image.height))
        cairo_fill(context)
        cairo_restore(context)
    }

    /// Draws within a rectangle only.
    package func clipped(x: Double, y: Double, width: Double, height: Double, _ body: () throws -> Void)
        rethrows
    {
        cairo_save(context)
        defer { cairo_restore(context) }
        cairo_rectangle(context, x, y, width, height)
        cairo_clip(context)
        try body()
    }

    // MARK: Text

    /// Text with its baseline through `y`. `angle` turns it about (x, y), in degrees, clockwise; −90 reads upwards.
    package func text(
        _ text: String, x: Double, y: Double, font: CanvasFont, _ color: CanvasColor,
        anchor: TextAnchor = .start, angle: Double = 0
    ) {
        guard !text.isEmpty else { return }
        let shift =
            switch anchor {
            case .start: 0.0
            case .middle: measure(text, font: font).width / 2
            case .end: measure(text, font: font).width
            }
        use(color)
        use(font)
        cairo_save(context)
        cairo_translate(context, x, y)
        cairo_rotate(context, angle * Double.pi / 180)
        cairo_move_to(context, -shift, 0)
        cairo_show_text(context, text)
        cairo_restore(context)
    }

    /// How far the text reaches along its baseline, and how far the font does above and below it.
    package func measure(_ text: String, font: CanvasFont) -> TextMeasure {
        use(font)
        var advance = cairo_text_extents_t()
        cairo_text_extents(context, text, &advance)
        var typeface = cairo_font_extents_t()
        cairo_font_extents(context, &typeface)
        return TextMeasure(
            width: advance.x_advance, ascent: typeface.ascent, descent: typeface.descent)
    }

    // MARK: Results

    /// What has been drawn on a canvas of pixels.
    ///
    /// - Throws: `VitvideoError` of kind `software` with Cairo's text, if anything went wrong since the
    ///   canvas was made, or if it is not one of pixels.
    package func image() throws -> RGBImage {
        cairo_surface_flush(surface)
        try check("draw")
        guard let data = cairo_image_surface_get_data(surface) else {
            throw VitvideoError(.software, reason: "cannot read a drawing of shapes as pixels")
        }
        let stride = Int(cairo_image_surface_get_stride(surface))
        return RGBImage(height: height, width: width) { out in
            for row in 0..<height {
                let source = UnsafeRawPointer(data + row * stride).assumingMemoryBound(to: UInt32.self)
                for column in 0..<width {
                    let pixel = source[column]
                    let at = (row * width + column) * 3
                    out[at] = UInt8(truncatingIfNeeded: pixel >> 16)
                    out[at + 1] = UInt8(truncatingIfNeeded: pixel >> 8)
                    out[at + 2] = UInt8(truncatingIfNeeded: pixel)
                }
            }
        }
    }

    /// Ends a canvas of shapes and gives the SVG document, UTF-8. Nothing can be drawn afterwards.
    ///
    /// - Throws: `VitvideoError` of kind `software` with Cairo's text.
    package func svg() throws -> [UInt8] {
        try check("draw")
        guard let sink else {
            throw VitvideoError(.software, reason: "cannot write a drawing of pixels as SVG")
        }
        cairo_surface_finish(surface)
        let status = cairo_surface_status(surface)
        guard status == CAIRO_STATUS_SUCCESS else { throw Self.error("write SVG", status) }
        return sink.bytes
    }

    private func check(_ operation: String) throws {
        let status = cairo_status(context)
        guard status == CAIRO_STATUS_SUCCESS else {
            throw Self.error("\(operation) \(width)×\(height)", status)
        }
    }

    private static func error(_ operation: String, _ status: cairo_status_t) -> VitvideoError {
        VitvideoError(
            .software, cannot: operation,
            reason: "\(String(cString: cairo_status_to_string(status))) (Cairo \(status.rawValue))"
        )
    }

    private func use(_ color: CanvasColor) {
        cairo_set_source_rgba(context, color.red, color.green, color.blue, color.alpha)
    }

    private func use(_ font: CanvasFont) {
        cairo_select_font_face(
            context, font.family, CAIRO_FONT_SLANT_NORMAL,
            font.bold ? CAIRO_FONT_WEIGHT_BOLD : CAIRO_FONT_WEIGHT_NORMAL)
        cairo_set_font_size(context, font.size)
    }
}

/// Collects what Cairo writes.
private final class ByteSink {
    var bytes: [UInt8] = []
}
