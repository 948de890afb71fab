/** The beacon tower with its fire. */
export function Logo({ size = 22 }: { size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 32 32" aria-hidden="true" focusable="false">
      <path
        fill="var(--bw-ember-fill)"
        d="M16 1.5c.6 3-3.8 4.6-3.8 8.3 0 2.1 1.7 3.7 3.8 3.700s3.8-1.6 3.8-3.700c0-1.5-.8-2.5-1.5-3.4-.2 1-.7 1.5-1.3 1.7.7-2.3.4-5-1-6.600z"
      />
      <path fill="var(--bw-muted)" d="M9 15h14v3h-1.300l2.3 12H8l2.3-12H9z" />
      <path fill="var(--mantine-color-body)" d="M14 24a2 2 0 0 1 4 0v6h-4z" />
    </svg>
  );
}
